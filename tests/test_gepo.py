"""GEPO's loss and REINFORCE++'s advantages, against written-out references and against TRL's DPO."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from transfer_eval.training.trainers.gepo import (
    GepoSettings,
    GroupPreference,
    TokenGroup,
    gepo_loss,
    response_logps,
)
from transfer_eval.training.trainers.reinforce import reinforce_advantages

# What TRL and transformers say of each other's future is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

GROUPS = [
    TokenGroup((1, 2), ((3, 4, 0), (5, 0)), ((6, 0), (7, 8, 9, 0), (3, 0))),
    TokenGroup((2,), ((4, 4, 0), (5, 6, 0), (9, 0)), ((8, 0),)),
    TokenGroup((7, 7, 7), ((1, 0),), ((2, 0), (3, 3, 0))),
]


def tiny(seed: int = 0) -> Any:
    """A model of two layers, in double precision."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=16, hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=32, initializer_range=0.4, attn_implementation="eager",
    )  # fmt: skip
    return LlamaForCausalLM(config).double()


def preference(model: Any, groups: list[TokenGroup] = GROUPS, **settings: Any) -> GroupPreference:
    made = GroupPreference(groups, model, 0, GepoSettings(**settings))
    made.prepare()
    return made


def written_out(winners: list[float], losers: list[float], beta: float, weight: float) -> float:
    """Eq. 9 for one group, in plain arithmetic."""
    mean_w, mean_l = sum(winners) / len(winners), sum(losers) / len(losers)
    variance = sum((r - mean_w) ** 2 for r in winners) / len(winners)
    return math.log(1 + math.exp(-beta * (mean_w - mean_l))) + weight * variance


def test_the_loss_is_equation_nine() -> None:
    groups = [([0.5, -1.0], [0.2, 0.1, -3.0]), ([2.0], [1.0, 0.0]), ([0.1, 0.2, 0.3], [5.0])]
    ratios = torch.full((3, 5), float("nan"), dtype=torch.float64)
    winners, losers = torch.zeros(3, 5, dtype=torch.bool), torch.zeros(3, 5, dtype=torch.bool)
    for row, (w, l) in enumerate(groups):  # noqa: E741  # as in the paper
        ratios[row, : len(w) + len(l)] = torch.tensor(w + l, dtype=torch.float64)
        winners[row, : len(w)] = True
        losers[row, len(w) : len(w) + len(l)] = True
    terms = gepo_loss(ratios, winners, losers, beta=0.7, variance_weight=1.3)
    expected = sum(written_out(w, l, 0.7, 1.3) for w, l in groups) / 3  # noqa: E741
    assert terms.loss.item() == pytest.approx(expected, abs=1e-12)
    assert terms.margin.tolist() == pytest.approx([0.65, 1.5, -4.8])
    assert terms.metrics()["gepo/accuracy"] == pytest.approx(2 / 3)


def test_the_variance_vanishes_when_winners_are_equal() -> None:
    ratios = torch.tensor([[0.4, 0.4, -1.0]], dtype=torch.float64, requires_grad=True)
    winners = torch.tensor([[True, True, False]])
    with_it = gepo_loss(ratios, winners, ~winners, beta=0.1, variance_weight=1.0)
    without = gepo_loss(ratios, winners, ~winners, beta=0.1, variance_weight=0.0)
    assert with_it.variance.item() == 0.0
    assert with_it.loss.item() == without.loss.item()
    slopes = [torch.autograd.grad(terms.loss, ratios)[0] for terms in (with_it, without)]
    assert torch.equal(*slopes)


def test_losers_have_no_variance_term() -> None:
    winners = torch.tensor([[True, False, False]])
    for losers in ([0.0, 2.0], [1.0, 1.0]):
        terms = gepo_loss(torch.tensor([[1.0, *losers]]), winners, ~winners, beta=1.0, variance_weight=9.0)
        assert terms.variance.item() == 0.0
        assert terms.loss.item() == pytest.approx(math.log(2))


def test_the_gradient_matches_finite_differences() -> None:
    ratios = torch.randn(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    winners = torch.tensor([[1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]], dtype=torch.bool)
    losers = torch.tensor([[0, 0, 1, 1, 1], [0, 0, 0, 1, 0], [0, 1, 1, 0, 0]], dtype=torch.bool)
    assert torch.autograd.gradcheck(
        lambda r: gepo_loss(r, winners, losers, beta=0.3, variance_weight=0.7).loss, (ratios,)
    )


def test_response_log_probabilities_are_sums_over_the_response_only() -> None:
    model = tiny()
    (value,) = response_logps(model, [(1, 2)], [(3, 4, 0)], 0).tolist()
    logits = model(torch.tensor([[1, 2, 3, 4, 0]])).logits.log_softmax(-1)[0]
    assert value == pytest.approx((logits[1, 3] + logits[2, 4] + logits[3, 0]).item(), abs=1e-5)
    both = response_logps(model, [(1, 2), (5,)], [(3, 4, 0), (6, 0)], 0).tolist()
    assert both[0] == pytest.approx(value, abs=1e-5)  # padding changes nothing


def test_the_reference_is_the_model_before_training() -> None:
    model = tiny()
    groups = preference(model)
    assert groups.loss(model, [0, 1, 2]).margin.tolist() == pytest.approx([0.0] * 3, abs=1e-6)
    with torch.no_grad():
        model.lm_head.weight.mul_(1.5)
    assert groups.loss(model, [0, 1, 2]).margin.abs().min() > 1e-3


@pytest.mark.parametrize("chunk", [1, 2, 5])
def test_serially_the_gradient_is_the_same(chunk: int) -> None:
    model, slopes = tiny(), []
    together = preference(model, variance_weight=2.0, beta=0.5)
    serially = preference(model, variance_weight=2.0, beta=0.5, serial=True, chunk=chunk)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    (together.loss(model, [0, 1, 2]).loss * 0.01).backward()
    slopes.append([p.grad.clone() for p in model.parameters()])
    model.zero_grad()
    terms = serially.backward(model, [0, 1, 2], lambda loss, last: loss.backward(), 0.01)
    assert terms.loss.item() == pytest.approx(together.loss(model, [0, 1, 2]).loss.item(), abs=1e-6)
    for ours, theirs in zip((p.grad for p in model.parameters()), slopes[0], strict=True):
        assert torch.allclose(ours, theirs, atol=1e-8)
    assert max(slope.abs().max() for slope in slopes[0]) > 1e-4


def test_batches_cover_every_group_once_an_epoch_and_processes_share_none() -> None:
    groups = [TokenGroup((1,), ((2,),), ((i,),)) for i in range(10)]
    model = tiny()
    seen: list[list[int]] = []
    for rank in range(2):
        made = GroupPreference(groups, model, 0, GepoSettings(batch=2), rank=rank, world=2)
        assert made.steps_an_epoch == 3
        seen.append([i for number in range(3) for i in made.batch(number)])
        assert made.batch(1) == made.batch(1)
        assert [made.batch(n) for n in range(3)] != [made.batch(n) for n in range(3, 6)]
    assert set(seen[0]) | set(seen[1]) == set(range(10))
    assert not set(seen[0]) & set(seen[1])


def test_with_one_winner_and_one_loser_it_is_trls_dpo(tmp_path: Any) -> None:
    """The loss and the gradient, to 1e-6, on a policy that has left its reference."""
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    pair = TokenGroup((1, 2, 3), ((4, 5, 6, 0),), ((7, 8, 0),))
    policy, reference = tiny(0).float(), tiny(0).float()
    ours = preference(policy, [pair], beta=0.25)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    terms = ours.loss(policy, [0])
    slopes = torch.autograd.grad(terms.loss, list(policy.parameters()))
    args = DPOConfig(
        str(tmp_path), beta=0.25, report_to=[], use_cpu=True, bf16=False, activation_checkpointing=False,
        per_device_train_batch_size=1, remove_unused_columns=False,
    )  # fmt: skip
    rows = Dataset.from_list([{"prompt": "b c d", "chosen": " e f g", "rejected": " h i"}])
    trainer = DPOTrainer(policy, reference, args, train_dataset=rows, processing_class=words())
    batch = trainer.data_collator(
        [{"prompt_ids": list(pair.prompt), "chosen_ids": list(pair.winners[0]), "rejected_ids": list(pair.losers[0])}]
    )
    loss = trainer.compute_loss(policy.train(), trainer._prepare_inputs(batch))
    theirs = torch.autograd.grad(loss, list(policy.parameters()))
    assert terms.loss.item() == pytest.approx(loss.item(), abs=1e-6)
    assert abs(terms.loss.item() - math.log(2)) > 1e-3
    for mine, other in zip(slopes, theirs, strict=True):
        assert torch.allclose(mine, other, atol=1e-6)


def words() -> Any:
    """A tokenizer of single letters."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {"<end>": 0, **{letter: i for i, letter in enumerate("abcdefghijklmn", 1)}, "<unk>": 15}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", pad_token="<end>")


def written_out_advantages(
    rewards: list[float], kl: list[list[float]], lengths: list[int], beta: float
) -> list[list[float]]:
    """REINFORCE++, token by token: A_t = r - beta * sum of KL from t on, then (A - mean) / std over all tokens."""
    raw = [
        [rewards[i] - beta * sum(kl[i][u] for u in range(t, lengths[i])) for t in range(lengths[i])]
        for i in range(len(rewards))
    ]
    every = [value for i, row in enumerate(raw) for value in row if not math.isnan(rewards[i])]
    mean = sum(every) / len(every)
    std = math.sqrt(sum((value - mean) ** 2 for value in every) / len(every))
    return [[0.0 if math.isnan(value) else (value - mean) / std for value in row] for row in raw]


@pytest.mark.parametrize("beta", [0.0, 0.3])
def test_reinforce_advantages_match_a_written_out_reference(beta: float) -> None:
    rewards = [1.0, 0.0, float("nan"), 0.5]
    kl = [[0.1, -0.2, 0.3, 9.0], [0.5, 0.0, 9.0, 9.0], [1.0, 1.0, 1.0, 1.0], [-0.4, 0.2, 0.1, 0.05]]
    lengths = [3, 2, 4, 4]
    mask = torch.tensor([[1.0] * n + [0.0] * (4 - n) for n in lengths], dtype=torch.float64)
    found = reinforce_advantages(
        torch.tensor(rewards, dtype=torch.float64), torch.tensor(kl, dtype=torch.float64), mask, beta
    )
    expected = written_out_advantages(rewards, kl, lengths, beta)
    for row, length, values in zip(found.tolist(), lengths, expected, strict=True):
        assert row[:length] == pytest.approx(values, abs=1e-9)
        assert row[length:] == [0.0] * (4 - length)


def test_equal_rewards_teach_nothing() -> None:
    found = reinforce_advantages(torch.ones(3), torch.zeros(3, 2), torch.ones(3, 2), 0.1)
    assert torch.equal(found, torch.zeros(3, 2))


def test_normalisation_is_over_all_processes() -> None:
    """Two halves, each told of the other's sums, get what the whole gets."""
    rewards, kl, mask = torch.tensor([1.0, 0.0, 0.0, 1.0]), torch.randn(4, 3), torch.ones(4, 3)
    whole = reinforce_advantages(rewards, kl, mask, 0.2)
    sums: list[torch.Tensor] = []
    for half in (slice(0, 2), slice(2, 4)):
        reinforce_advantages(rewards[half], kl[half], mask[half], 0.2, lambda t: sums.append(t) or t)
    first = sums[0] + sums[2]
    answers = iter([first])
    centred = []

    def reduce(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.dim():
            return next(answers)
        centred.append(tensor)
        return tensor

    # The second sum depends on the first: ask each half for its own, then give both the total.
    parts = []
    for half in (slice(0, 2), slice(2, 4)):
        answers = iter([first])
        reinforce_advantages(rewards[half], kl[half], mask[half], 0.2, reduce)
    total = centred[0] + centred[1]
    for half in (slice(0, 2), slice(2, 4)):
        replies = iter([first, total])
        parts.append(reinforce_advantages(rewards[half], kl[half], mask[half], 0.2, lambda t: next(replies)))  # noqa: B023
    assert torch.allclose(torch.cat(parts), whole, atol=1e-6)
