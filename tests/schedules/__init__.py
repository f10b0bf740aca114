"""Thread schedules explored, not hoped for: the real engine under a scheduler that decides who runs next."""
