from tests.training.tiny import tiny_configuration
from training.phases import PhasePlan, plan_phases

LENGTHS = {"iterations": 20, "warmup": 0}


def test_inductive_and_full_training_are_one_phase() -> None:
    for mode in ("inductive", "fully"):
        plans = plan_phases(tiny_configuration(mode, optimisation=LENGTHS))
        assert plans == (PhasePlan(phase=mode, first=0, steps=20, schedule=20),)  # type: ignore[arg-type]


def test_transductive_training_leaves_the_inductive_schedule_half_way() -> None:
    configuration = tiny_configuration(
        "transductive", optimisation=LENGTHS, self_training={"inductive_iterations": 10, "iterations": 6}
    )
    assert plan_phases(configuration) == (
        PhasePlan(phase="inductive", first=0, steps=10, schedule=20),
        PhasePlan(phase="self_training", first=10, steps=6, schedule=6),
    )


def test_self_training_may_start_from_a_given_model_at_once() -> None:
    configuration = tiny_configuration(
        "transductive", self_training={"inductive_iterations": 0, "iterations": 6}
    )
    assert plan_phases(configuration) == (PhasePlan(phase="self_training", first=0, steps=6, schedule=6),)
