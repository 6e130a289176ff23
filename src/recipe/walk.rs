//! Walks over a recipe's graph. They keep what is open on a heap of their own: a recipe may be
//! deeper than a thread's stack.

/// What a walk does next at a node.
pub(super) enum Step<Q, A> {
    /// It needs the answer to another question first.
    Ask(Q),
    /// This is the answer.
    Answer(A),
}

/// Questions about nodes whose answers depend on answers to others.
pub(super) trait Walk {
    /// A node, and what is asked about it.
    type Question;
    /// What there is to say.
    type Answer;
    /// Why nothing can be said.
    type Fault;

    /// The answer, where it was found before.
    fn known(&self, question: &Self::Question) -> Option<Self::Answer>;

    /// The next step at a node, given the answers to what it asked so far, in order.
    fn step(
        &mut self,
        question: &Self::Question,
        answers: &mut Vec<Self::Answer>,
    ) -> Result<Step<Self::Question, Self::Answer>, Self::Fault>;

    /// Keeps an answer.
    fn learn(&mut self, question: Self::Question, answer: &Self::Answer);
}

/// The answer to a question. Each question is worked out once.
pub(super) fn walk<W: Walk>(walk: &mut W, question: W::Question) -> Result<W::Answer, W::Fault> {
    let mut open = Vec::new();
    let (mut question, mut answers) = (question, Vec::new());
    loop {
        let answer = match walk.step(&question, &mut answers)? {
            Step::Ask(asked) => match walk.known(&asked) {
                Some(answer) => {
                    answers.push(answer);
                    continue;
                }
                None => {
                    open.push((
                        std::mem::replace(&mut question, asked),
                        std::mem::take(&mut answers),
                    ));
                    continue;
                }
            },
            Step::Answer(answer) => answer,
        };
        let Some((asker, before)) = open.pop() else {
            return Ok(answer);
        };
        let answered = std::mem::replace(&mut question, asker);
        walk.learn(answered, &answer);
        answers = before;
        answers.push(answer);
    }
}
