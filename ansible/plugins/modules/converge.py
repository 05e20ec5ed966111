#!/usr/bin/python
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Converges a host with the atomhost that is installed on it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: converge
short_description: Make a host as its atomhost profile says
description:
  - Plans with the C(atomhost) that is installed on the host, and applies what is missing.
  - In check mode nothing is changed, and what is reported is what an apply would do.
version_added: 0.1.0
author: the atomhost developers (@atomhost)
options:
  profile:
    description: The profile's path on the host.
    type: path
    default: /etc/atomhost/profile.yaml
  content:
    description:
      - The profile's text. It is written to O(profile), for root alone, before it is applied.
      - In check mode it is planned for without being written.
      - Files that it extends are named by their absolute paths.
    type: str
  wait_disks:
    description: How long to wait for disks that are not there yet, such as V(60s).
    type: str
  wait_lock:
    description: How long to wait for another run of atomhost, such as V(2m).
    type: str
  executable:
    description: The program.
    type: path
    default: /usr/local/bin/atomhost
attributes:
  check_mode:
    support: full
    description: Plans, and changes nothing.
  diff_mode:
    support: full
    description: Shows each action's object before and after, and the lines of files that change.
"""

EXAMPLES = r"""
- name: Converge to a profile that lies beside the playbook
  atomhost.host.converge:
    content: "{{ lookup('ansible.builtin.file', 'profile.yaml') }}"
    wait_disks: 60s

- name: Converge to the profile that the image brought
  atomhost.host.converge:
"""

RETURN = r"""
actions:
  description: What was done, or would be in check mode, in order.
  returned: always
  type: list
  elements: dict
  sample:
    - {object: atomicos/root, before: 3G (768 extents), after: 15G (3840 extents), state: done}
fingerprint:
  description: The same on all hosts to which the same is done.
  returned: when a report was written
  type: str
refusals:
  description: Why nothing was done.
  returned: always
  type: list
  elements: dict
"""

import json
import os
import tempfile

from ansible.module_utils.basic import AnsibleModule

IN_SYNC = 0
FAILED = 1
PENDING = 2
REFUSED = 3
BUSY = 75
REPORT = "/var/lib/atomhost/report.json"


def words(planned):
    """An action without what only atomhost itself needs."""
    return {key: planned[key] for key in ("object", "before", "after", "why", "state") if key in planned}


def diff_of(plan):
    """Before and after, as Ansible shows them: a line for each object, and files as they are."""
    before, after = [], []
    diffs = []
    for planned in plan["actions"]:
        action = planned["action"]
        if action.get("action") == "write-file":
            diffs.append({
                "before_header": action["path"], "after_header": action["path"],
                "before": action.get("before") or "", "after": action["after"],
            })
            continue
        before.append("%s: %s" % (planned["object"], planned["before"] or "-"))
        after.append("%s: %s" % (planned["object"], planned["after"]))
    if after:
        diffs.insert(0, {
            "before_header": "host", "after_header": "host",
            "before": "\n".join(before) + "\n", "after": "\n".join(after) + "\n",
        })
    return diffs


class Host:
    """The host, by way of its atomhost."""

    def __init__(self, module):
        self.module = module
        self.executable = module.params["executable"]

    def run(self, *arguments):
        """Exit code, stdout and stderr."""
        if not os.access(self.executable, os.X_OK):
            self.module.fail_json(msg="%s is not there: install atomhost on the host first" % self.executable,
                                  actions=[], refusals=[])
        # A locale that the host surely has.
        return self.module.run_command([self.executable] + list(arguments), environ_update={"LC_ALL": "C.UTF-8"})

    def plan(self, profile):
        """The plan for this profile. Ends the module when there can be none."""
        code, out, err = self.run("plan", profile, "--format", "json")
        try:
            return json.loads(out)
        except ValueError:
            self.module.fail_json(msg="atomhost plan: %s" % (err.strip() or out.strip()), rc=code, actions=[], refusals=[])

    def report(self):
        """The report of the run that has just ended."""
        with open(REPORT, "rb") as file:
            return json.loads(file.read().decode("utf-8"))


def refuse(module, plan):
    """Ends the module with what the guards say."""
    reasons = ["%(object)s: %(found)s (%(cure)s)" % refusal for refusal in plan["refusals"]]
    module.fail_json(msg="refused, nothing was changed: %s" % "; ".join(reasons),
                     actions=[], refusals=plan["refusals"])


def write(module, path, text):
    """Puts the profile in place; gives whether it was another."""
    try:
        with open(path, "rb") as file:
            if file.read() == text:
                return False
    except OSError:
        pass
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=module.tmpdir)
    with os.fdopen(handle, "wb") as file:
        file.write(text)
    # mkstemp has made it root's alone; the move keeps that.
    module.atomic_move(temporary, path)
    os.chmod(path, 0o600)
    return True


def trial(module, profile, text):
    """The path of the text where nothing reads it but this plan, beside the drop-ins of the profile itself."""
    # Root's own directory: atomhost acts on nothing that others could have written.
    folder = tempfile.mkdtemp(dir=module.tmpdir)
    path = os.path.join(folder, os.path.basename(profile))
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
    drop_ins = os.path.splitext(profile)[0] + ".d"
    if os.path.isdir(drop_ins):
        os.symlink(drop_ins, os.path.splitext(path)[0] + ".d")
    return path


def main():
    module = AnsibleModule(
        argument_spec={
            "profile": {"type": "path", "default": "/etc/atomhost/profile.yaml"},
            "content": {"type": "str", "no_log": True},
            "wait_disks": {"type": "str"},
            "wait_lock": {"type": "str"},
            "executable": {"type": "path", "default": "/usr/local/bin/atomhost"},
        },
        supports_check_mode=True,
    )
    host = Host(module)
    profile = module.params["profile"]
    content = module.params["content"]
    text = None if content is None else content.encode("utf-8")
    if text is not None and not text.endswith(b"\n"):
        # lookup() takes the last one away.
        text += b"\n"

    planned_for = profile
    if text is not None:
        planned_for = trial(module, profile, text)
    plan = host.plan(planned_for)
    if plan["refusals"] and not (module.params["wait_disks"] and all(r["code"] == "disk-missing" for r in plan["refusals"])):
        refuse(module, plan)
    result = {
        "changed": bool(plan["actions"]), "actions": [words(planned) for planned in plan["actions"]],
        "refusals": [], "diff": diff_of(plan),
    }
    if module.check_mode:
        module.exit_json(**result)

    rewritten = text is not None and write(module, profile, text)
    arguments = [profile]
    for option in ("wait_disks", "wait_lock"):
        if module.params[option]:
            arguments += ["--" + option.replace("_", "-"), module.params[option]]
    code, out, err = host.run("apply", *arguments)
    if code not in (IN_SYNC, FAILED, REFUSED):
        module.fail_json(msg="atomhost apply: %s" % (err.strip() or out.strip()), rc=code, changed=rewritten, **{
            key: [] for key in ("actions", "refusals")})
    report = host.report()
    done = [words(action) for action in report["actions"]]
    result.update(
        actions=done, fingerprint=report["fingerprint"], refusals=report["refusals"],
        changed=rewritten or any(action["state"] == "done" for action in done),
    )
    if code != IN_SYNC:
        result["msg"] = "atomhost apply: %s" % (report["error"] or err.strip() or out.strip())
        module.fail_json(rc=code, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
