# tests/support/made_text.py - text that a model can learn something from, the same each time.


def made_text(words, seed, documents=60):
    """Documents of one language: its words in an order that can be learned."""
    state, texts = seed, []
    for _ in range(documents):
        text = []
        for _ in range(20):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            text.append(words[(state >> 33) % len(words)])
        texts.append(" ".join(text))
    return "\n\n".join(texts) + "\n"
