//! Choices that have a word each: on the command line, in recipes and in records.

#[doc(hidden)]
#[macro_export]
macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),* }) => {
        impl $type {
            /// The words that name the choices on the command line.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// The word of this choice.
            pub fn word(self) -> &'static str {
                match self {
                    $($type::$variant => $word,)*
                }
            }

            /// The choice with this word.
            pub fn from_word(word: &str) -> Option<$type> {
                match word {
                    $($word => Some($type::$variant),)*
                    _ => None,
                }
            }
        }
    };
}
