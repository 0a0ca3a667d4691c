"""What the API reference lists: page -> module -> names.

This is the one place to change when a module moves or a name becomes public. `tests/test_docs.py` checks that every
name is where this table says.
"""

from __future__ import annotations

Names = dict[str, tuple[str, ...]]

PAGES: dict[str, Names] = {
    "functions": {
        "trisect": (
            *("load", "from_arrays", "from_dataframe", "convert", "inspect", "export_data"),
            *("train", "evaluate", "load_run", "latents", "export", "load_export", "verify"),
        ),
    },
    "recipes": {
        "trisect.recipes": (
            *("closed_form", "citris_nf", "citris_nf_conv", "citris_nf_glimpse", "citris_nf_vectors"),
            *("citris_vae", "citris_vae_conv", "convolutional", "on_gpu"),
            *("train_causal_encoder", "load_causal_encoder", "import_checkpoint"),
        ),
    },
    "settings": {
        "trisect.recipes": ("Recipe", "CausalEncoderRecipe"),
        "trisect.methods.closed_form": ("ClosedFormRecipe",),
        "trisect.methods.citris_nf": ("CitrisNfRecipe", "StartedFlowSettings"),
        "trisect.methods.citris_vae": ("CitrisVaeRecipe",),
        "trisect.methods.frozen_latents": ("FrozenLatentsRecipe",),
        "trisect.training.settings": ("TrainingSettings",),
        "trisect.models.representations.autoencoder_settings": ("AutoencoderSettings",),
        "trisect.models.representations.slot_functions": ("SlotFunctionSettings",),
        "trisect.models.drawing": ("DrawingSettings",),
        "trisect.models.representations.reduction": ("ReductionSettings",),
        "trisect.models.closed_form.identify": ("ClosedFormSettings",),
        "trisect.models.closed_form.splitting": ("SplittingSettings",),
        "trisect.models.closed_form.leakage": ("LeakageSettings",),
        "trisect.models.flows.factory": ("FlowSettings",),
        "trisect.models.priors.factory": ("PriorSettings",),
        "trisect.models.target_classifier": ("TargetClassifierSettings",),
        "trisect.models.causal_model": ("ObjectiveSettings",),
        "trisect.models.variational_model": ("VariationalSettings",),
        "trisect.models.causal_encoder": ("CausalEncoderSettings",),
    },
    "runs": {
        "trisect.runs.run": ("Run",),
        "trisect.models.closed_form.statement": ("Statement",),
        "trisect.training.history": ("Cost",),
        "trisect.training.task": ("NonFiniteLoss",),
        "trisect.runs.causal_encoder": ("TrainedCausalEncoder",),
        "trisect.runs.reused_autoencoder": ("LatentSource",),
        "trisect.runs.external_encoder": ("ExternalFunctions",),
        "trisect.runs.scoring": ("EvaluateOptions",),
        "trisect.runs.latent_rows": ("Latents",),
        "trisect.runs.verify": ("Verification",),
        "trisect.locks": ("FolderInUseError",),
        "trisect.evaluation.outside": ("OutsideOptions",),
    },
    "worlds": {
        "trisect.worlds": ("make", "available", "as_gymnasium"),
        "trisect.worlds.gymnasium_world": ("interventions_of", "factors_of"),
        "trisect.worlds.base": ("World",),
        "trisect.worlds.ball_in_boxes": ("BallInBoxes",),
        "trisect.worlds.causal3dident": ("Causal3DIdent",),
        "trisect.worlds.linear": ("LinearGaussian",),
        "trisect.worlds.pong": ("Pong",),
        "trisect.interventions": ("Intervention", "TargetPolicy"),
    },
    "data": {
        "trisect.data": (
            *("Dataset", "Recording", "Triplets", "Recorder"),
            *("simulate", "split", "save", "verify", "make_triplets", "SequenceLoader"),
        ),
        "trisect.data.environments": ("Environment",),
        "trisect.data.arrays": ("Known",),
        "trisect.data.convert.options": ("Options",),
        "trisect.data.convert": ("understand",),
        "trisect.data.convert.understanding": ("Understood",),
        "trisect.data.convert.logs.roles": ("Columns",),
        "trisect.data.inspect": ("Inspection", "contact_sheet"),
        "trisect.data.inspect.findings": ("Finding",),
        "trisect.data.inspect.kinds": ("TargetKind",),
        "trisect.data.durations": ("Runs",),
        "trisect.data.inspect.alternation": ("Alternation",),
        "trisect.data.inspect.alignment": ("Alignment",),
        "trisect.data.inspect.variable_lag": ("VariableLag",),
        "trisect.data.inspect.suggestions": ("Suggestion",),
        "trisect.batches": ("SequenceBatch",),
    },
    "variables": {
        "trisect.variables": ("VariableSpace", "Factor", "Continuous", "Angle", "Categorical", "anonymous"),
    },
    "models": {
        "trisect.models": ("available", "card", "pretrained"),
        "trisect.models.published": ("load",),
        "trisect.models.slot_model": ("SlotModel",),
        "trisect.models.causal_model": ("CausalModel",),
        "trisect.models.variational_model": ("VariationalModel",),
        "trisect.models.representations.autoencoder": ("Autoencoder",),
        "trisect.models.causal_encoder": ("CausalEncoder",),
        "trisect.models.representations.representation": ("Representation",),
    },
    "acting": {
        "trisect.models.acting": ("ActingModel", "intervene", "rollout", "set_slots", "SlotValues"),
    },
    "evaluation": {
        "trisect.evaluation.correlation": ("correlation", "correlations"),
        "trisect.evaluation.score_matrix": ("Truth", "Read", "Scores", "ScoreMatrix"),
        "trisect.evaluation.slots": ("Slots",),
        "trisect.evaluation.probes.read_out": ("Probe", "ReadOut"),
        "trisect.evaluation.probes.probe": ("MlpProbe",),
        "trisect.evaluation.probes.ridge": ("RidgeProbe",),
        "trisect.evaluation.label_free": ("intervention_matrix",),
        "trisect.evaluation.intervention_matrix": ("InterventionMatrix", "Gain"),
        "trisect.evaluation.onsets": ("Onset", "Switch"),
        "trisect.evaluation.transitions": ("transitions_of", "Transitions"),
        "trisect.evaluation.probes.target_probe": ("TargetProbe", "Logits"),
        "trisect.evaluation.probes.fitting": ("FitSettings",),
        "trisect.evaluation.chance": ("chance", "Chance", "ChanceSettings"),
        "trisect.evaluation.matching": ("match",),
        "trisect.evaluation.triplets": ("triplet_scores", "TripletScores", "TripletScore"),
        "trisect.evaluation.scores": ("r2", "spearman"),
    },
    "analysis": {
        "trisect.evaluation.analysis": ("traversals", "Traversals", "Traversal", "changes_of", "Changes"),
        "trisect.evaluation.analysis.figures": ("traversals_figure", "changes_figure"),
        "trisect.evaluation.analysis.slider": ("slider",),
    },
}

MEMBERS: dict[str, tuple[str, ...]] = {
    "Autoencoder": ("encode", "decode"),
    "CausalEncoder": ("predict",),
    "CausalModel": (),
    "SlotModel": ("slot_names", "encode", "decode", "slots", "intervene", "rollout", "assignment", "slot_columns"),
    "VariationalModel": (),
}
"""Class that you get but never build -> the members to show; of any other class, all that have a docstring."""


def names() -> list[tuple[str, str]]:
    """Every module and name that the reference lists."""
    return [(module, name) for page in PAGES.values() for module, group in page.items() for name in group]
