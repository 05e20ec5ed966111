//! Shapes of a profile's values: a map, or a bare word in place of one, each with its own words for
//! what belongs there.

use crate::profile::yaml::At;
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;

/// What a map of this kind looks like, for the message where something else stands.
pub trait Shape {
    const EXPECTED: &'static str;
}

// A map: no bare word is a shorthand for it. (A comment in the docs would be the description of each in the schema.)
#[derive(Debug, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct MapOf<T>(pub At<T>);

// A bare word, or a map that says more.
#[derive(Debug, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum WordOr<T> {
    Word(String),
    Map(T),
}

impl<'de, T: Deserialize<'de> + Shape> Deserialize<'de> for MapOf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let At { value: MapOnly(value), span } = At::<MapOnly<T>>::deserialize(deserializer)?;
        Ok(MapOf(At { value, span }))
    }
}

struct MapOnly<T>(T);

impl<'de, T: Deserialize<'de> + Shape> Deserialize<'de> for MapOnly<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MapVisitor(PhantomData)).map(MapOnly)
    }
}

impl<'de, T: Deserialize<'de> + Shape> Deserialize<'de> for WordOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordVisitor(PhantomData))
    }
}

struct MapVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Shape> Visitor<'de> for MapVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

struct WordVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Shape> Visitor<'de> for WordVisitor<T> {
    type Value = WordOr<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E>(self, word: &str) -> Result<WordOr<T>, E> {
        Ok(WordOr::Word(word.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WordOr<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(WordOr::Map)
    }
}
