"""What a mixture of experts made by Isogloss is: the config beside its weights."""

from transformers import PretrainedConfig


class IsoglossConfig(PretrainedConfig):
    """`isogloss` holds the model as Isogloss' own manifest says it: widths, switches of the block,
    and each layer's experts, with the languages of their groups, and classifier."""

    model_type = "isogloss"

    def __init__(self, isogloss=None, **kwargs):
        self.isogloss = isogloss or {}
        super().__init__(**kwargs)

    def layer(self, index):
        return self.isogloss["layers"][index]

    def family(self, key, default=None):
        return self.isogloss.get("family", {}).get(key, default)

    def expert_of(self, index, language):
        """The expert of layer `index` whose group lists `language`: hard routing."""
        experts = self.layer(index)["experts"]
        if len(experts) == 1:
            return 0
        found = [e["id"] for e in experts if language in e["group"].split(",")]
        if len(found) != 1:
            raise ValueError(f"layer {index}: {len(found)} experts list the language {language!r}")
        return found[0]
