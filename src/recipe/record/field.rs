//! Values of a record with their places in it, for what is wrong with one.

use serde_json::Value as Json;

use super::RecordError;

/// A value of a record, and where in it that stands.
#[derive(Clone, Debug)]
pub(super) struct Field<'a> {
    pub value: &'a Json,
    pub place: String,
}

impl<'a> Field<'a> {
    /// The whole record.
    pub fn root(value: &'a Json) -> Field<'a> {
        let place = String::new();
        Field { value, place }
    }

    /// The field of this name, unless there is none or it is null.
    pub fn get(&self, name: &str) -> Option<Field<'a>> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        let place = self.place_of(name);
        Some(Field { value, place })
    }

    /// The field of this name.
    pub fn need(&self, name: &str) -> Result<Field<'a>, RecordError> {
        self.get(name).ok_or_else(|| RecordError::Missing {
            place: self.place_of(name),
        })
    }

    fn place_of(&self, name: &str) -> String {
        match self.place.as_str() {
            "" => name.to_owned(),
            place => format!("{place}.{name}"),
        }
    }

    /// Another thing should stand here.
    pub fn wrong(&self, wanted: impl Into<String>) -> RecordError {
        let mut found = self.value.to_string();
        if let Some((cut, _)) = found.char_indices().nth(60) {
            found.truncate(cut);
            found.push('…');
        }
        RecordError::Field {
            place: self.place.clone(),
            wanted: wanted.into(),
            found,
        }
    }

    /// What stands here does not fit with something else.
    pub fn unsound(&self, fault: impl ToString) -> RecordError {
        RecordError::Unsound {
            place: self.place.clone(),
            fault: fault.to_string(),
        }
    }

    /// A text.
    pub fn text(&self) -> Result<&'a str, RecordError> {
        self.value.as_str().ok_or_else(|| self.wrong("a text"))
    }

    /// A number.
    pub fn number(&self) -> Result<f64, RecordError> {
        self.value.as_f64().ok_or_else(|| self.wrong("a number"))
    }

    /// A number of things.
    pub fn count(&self) -> Result<u64, RecordError> {
        self.value.as_u64().ok_or_else(|| self.wrong("a count"))
    }

    /// Yes or no.
    pub fn flag(&self) -> Result<bool, RecordError> {
        let wrong = || self.wrong("true or false");
        self.value.as_bool().ok_or_else(wrong)
    }

    /// The number of one of so many things.
    pub fn index(&self, of: usize) -> Result<usize, RecordError> {
        let index = self.value.as_u64();
        let index = index.and_then(|index| usize::try_from(index).ok());
        let index = index.filter(|index| *index < of);
        index.ok_or_else(|| self.wrong(format!("a whole number below {of}")))
    }

    /// A list.
    pub fn list(&self) -> Result<Vec<Field<'a>>, RecordError> {
        let list = self.value.as_array().ok_or_else(|| self.wrong("a list"))?;
        let entries = list.iter().enumerate().map(|(at, value)| Field {
            value,
            place: format!("{}[{at}]", self.place),
        });
        Ok(entries.collect())
    }

    /// Texts.
    pub fn texts(&self) -> Result<Vec<String>, RecordError> {
        let texts = self.list()?.into_iter();
        texts.map(|own| own.text().map(str::to_owned)).collect()
    }

    /// Named values.
    pub fn entries(&self) -> Result<Vec<(&'a str, Field<'a>)>, RecordError> {
        let wrong = || self.wrong("named values");
        let map = self.value.as_object().ok_or_else(wrong)?;
        let entries = map.iter().map(|(name, value)| {
            let place = self.place_of(name);
            (name.as_str(), Field { value, place })
        });
        Ok(entries.collect())
    }
}
