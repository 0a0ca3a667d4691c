"""Generated data: the same bytes for any number of workers and after any kill."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from trisect.data import load, simulate, verify
from trisect.data.chunks import CHUNK_FRAMES, default_splits, plan
from trisect.data.generate import generate
from trisect.files import temporary_prefix
from trisect.worlds import make

SIZES = {"val": 50, "val_indep": 60, "test_triplets": 30}


def digest(folder):
    """Hash of every file of a data folder, names included."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_all_seven_splits_by_default(tmp_path, patches):
    data = generate(patches, tmp_path / "out", num_frames=300, seed=0)
    assert {name: len(split) for name, split in data.items()} == {"train": 300, **default_splits(300)}
    assert data.targeted == ("a", "b") and data.source["world"]["name"] == "patches"
    verify(tmp_path / "out")


def test_triplets_on_disk_are_drawn_from_their_factors(tmp_path, patches):
    triplets = generate(patches, tmp_path / "out", num_frames=50, seed=0).triplets("test_triplets")
    frames = patches.render(triplets.factors.reshape(-1, 2).astype(np.float64))
    assert np.array_equal(triplets.observations, frames.reshape(triplets.observations.shape))
    first, second, third = np.moveaxis(triplets.factors, 1, 0)
    assert np.array_equal(third, np.where(triplets.from_second, second, first))


def test_independent_frames_are_episodes_of_one_frame_without_targets(tmp_path, patches):
    recording = generate(patches, tmp_path / "out", num_frames=50, seed=0).recording("test_indep")
    assert recording.num_episodes == len(recording) and not recording.targets.any()


def test_row_t_of_the_targets_belongs_to_frame_t(tmp_path, patches):
    train = generate(patches, tmp_path / "out", num_frames=2500, seed=1, episode_length=40).recording("train")
    changed = np.zeros((len(train), 2), bool)
    changed[1:] = train.factors[1:] != train.factors[:-1]
    changed[train.starts] = False
    assert np.array_equal(changed, train.targets)
    assert np.array_equal(train.observations, patches.render(train.factors.astype(np.float64)))


def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path, patches):
    for name, seed in (("first", 3), ("second", 3), ("third", 4)):
        generate(patches, tmp_path / name, num_frames=100, seed=seed, splits=SIZES)
    first, second, third = (digest(tmp_path / name) for name in ("first", "second", "third"))
    assert first == second and first["train/factors.npy"] != third["train/factors.npy"]


def test_bytes_do_not_depend_on_the_number_of_workers(tmp_path):
    world = make("ball_in_boxes")
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        generate(world, folder, num_frames=7050, seed=0, splits={"val": 100}, workers=workers)
    assert digest(tmp_path / "1") == digest(tmp_path / "2")


def test_no_chunk_and_no_episode_is_a_copy_of_another(tmp_path):
    train = generate(make("ball_in_boxes"), tmp_path / "out", num_frames=6000, seed=0).recording("train")
    assert len(np.unique(train.factors[train.starts], axis=0)) == train.num_episodes
    assert not np.array_equal(train.factors[:CHUNK_FRAMES], train.factors[CHUNK_FRAMES : 2 * CHUNK_FRAMES])


class Killed(Exception):
    pass


def kill_after(rows):
    def progress(done, total):
        if done >= rows:
            raise Killed

    return progress


@pytest.mark.parametrize("episode_length", [100, None])
@pytest.mark.parametrize("rows", [1, 2500, 5001, 5040])
def test_a_killed_run_resumes_and_gives_the_same_bytes(tmp_path, episode_length, rows):
    world, settings = make("ball_in_boxes"), {"num_frames": 5000, "seed": 0, "episode_length": episode_length}
    generate(world, tmp_path / "whole", splits=SIZES, **settings)
    with pytest.raises(Killed):
        generate(world, tmp_path / "out", splits=SIZES, progress=kill_after(rows), **settings)
    assert not (tmp_path / "out").exists()
    for file in (tmp_path / "out.partial" / "train").glob("*.npy"):  # half a chunk that was being written
        with file.open("ab") as opened:
            opened.write(b"torn")
    with (tmp_path / "out.partial" / "journal.jsonl").open("a") as journal:
        journal.write('{"split": "tra')
    seen = []
    generate(world, tmp_path / "out", splits=SIZES, progress=lambda done, total: seen.append((done, total)), **settings)
    assert digest(tmp_path / "out") == digest(tmp_path / "whole")
    assert seen[-1] == (5140, 5140) and not (tmp_path / "out.partial").exists()
    assert seen[0][0] >= rows and len(set(seen)) == len(seen)


def test_a_process_that_dies_is_resumed(tmp_path):
    code = (
        "import os, sys; from trisect.data.generate import generate; from trisect.worlds import make\n"
        "generate(make('ball_in_boxes'), sys.argv[1], num_frames=9000, seed=0, splits={},"
        " progress=lambda done, total: done > 3000 and os._exit(9))"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    died = subprocess.run([sys.executable, "-c", code, str(tmp_path / "out")], env=environment, check=False)
    assert died.returncode == 9
    seen = []
    world = make("ball_in_boxes")
    generate(world, tmp_path / "out", num_frames=9000, seed=0, splits={}, progress=lambda done, _: seen.append(done))
    generate(world, tmp_path / "whole", num_frames=9000, seed=0, splits={})
    assert seen[0] == 4000 and digest(tmp_path / "out") == digest(tmp_path / "whole")


SLOW_GENERATION = """
import sys, time
from trisect.data.generate import generate
from trisect.worlds import make

def progress(done, total):
    print(done, flush=True)
    time.sleep(0.02)

if __name__ == "__main__":
    generate(make("ball_in_boxes"), sys.argv[1], num_frames=50_000, seed=5, splits={"val": 100}, progress=progress,
             workers=int(sys.argv[2]))
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_with_signal_9_it_leaves_no_process_and_resumes(tmp_path, workers):
    script, out = tmp_path / "slow.py", tmp_path / "out"
    script.write_text(SLOW_GENERATION)
    command = [sys.executable, str(script), str(out), str(workers)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        for _ in range(4):
            assert process.stdout.readline()
        process.kill()
        process.communicate(timeout=30)  # ends when no process has the pipe open any more: the workers are gone, too
    assert process.returncode == -9
    with pytest.raises(FileNotFoundError, match="the writing was interrupted: repeat the call"):
        load(out)
    seen, settings = [], {"num_frames": 50_000, "seed": 5, "splits": {"val": 100}}
    generate(make("ball_in_boxes"), out, progress=lambda done, _: seen.append(done), **settings)
    generate(make("ball_in_boxes"), tmp_path / "whole", **settings)
    assert seen[0] >= 6000 and digest(out) == digest(tmp_path / "whole")


@pytest.mark.parametrize("marker", [None, '{"source": '])
def test_killed_before_its_first_note_it_starts_again(tmp_path, marker):
    (tmp_path / "out.partial").mkdir()
    if marker is not None:
        mine = temporary_prefix(tmp_path / "partial.json")
        of_a_dead_process = mine.replace(f"-{os.getpid()}-", "-999999999-") + "abc.json"
        (tmp_path / "out.partial" / of_a_dead_process).write_text(marker)
    for name in ("out", "whole"):
        generate(make("ball_in_boxes"), tmp_path / name, num_frames=100, seed=0, splits={})
    assert digest(tmp_path / "out") == digest(tmp_path / "whole")


def test_unfinished_work_with_other_settings_is_refused_and_damaged_work_is_done_again(tmp_path, caplog):
    world = make("ball_in_boxes")
    with pytest.raises(Killed):
        generate(world, tmp_path / "out", num_frames=5000, seed=0, progress=kill_after(2500))
    with pytest.raises(ValueError, match=r"settings of the unfinished folder.*source"):
        generate(world, tmp_path / "out", num_frames=5000, seed=1)
    file = tmp_path / "out.partial" / "train" / "observations.npy"
    content = bytearray(file.read_bytes())
    content[5000] ^= 1
    file.write_bytes(content)
    for name in ("out", "whole"):
        generate(world, tmp_path / name, num_frames=5000, seed=0)
    assert "the split train starts again" in caplog.text and digest(tmp_path / "out") == digest(tmp_path / "whole")


def test_finished_work_is_not_repeated_even_if_it_was_not_tidied_up(tmp_path, caplog):
    settings = {"num_frames": 100, "seed": 0, "splits": {}}
    generate(make("ball_in_boxes"), tmp_path / "out", **settings)
    former = digest(tmp_path / "out")
    (tmp_path / "out" / "partial.json").write_text("{}")
    caplog.set_level("INFO")
    data = generate(make("ball_in_boxes"), tmp_path / "out", **settings)
    assert len(data["train"]) == 100 and digest(tmp_path / "out") == former
    assert not (tmp_path / "out" / "partial.json").exists() and "is complete" in caplog.text
    with pytest.raises(FileExistsError, match="must be new"):
        generate(make("ball_in_boxes"), tmp_path / "out", num_frames=100, seed=1, splits={})


@pytest.mark.parametrize(
    ("size", "length"), [(250, 100), (5000, 100), (7000, None), (9000, 4000), (20, 100), (101, 100)]
)
def test_plans_hold_every_row_once(size, length):
    chunks = plan("train", size, length)
    assert sum(chunk.rows for chunk in chunks) == size and max(chunk.rows for chunk in chunks) <= CHUNK_FRAMES
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    episodes = sum(chunk.num_episodes for chunk in chunks if not chunk.continues)
    assert episodes == -(-size // (length or size))


def test_long_episodes_continue_across_chunks(tmp_path, patches):
    train = generate(patches, tmp_path / "out", num_frames=4500, seed=0, episode_length=None).recording("train")
    assert train.num_episodes == 1
    assert np.array_equal((train.factors[1:] != train.factors[:-1]), train.targets[1:])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_frames": 1}, "num_frames must be"),
        ({"seed": -1}, "the seed of a data set"),
        ({"workers": 0}, "the number of workers"),
        ({"episode_length": 1}, "episode_length"),
        ({"splits": {"vall": 3}}, "did you mean 'val'"),
        ({"splits": {"val": 0}}, "the size of split 'val'"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_written(tmp_path, patches, settings, message):
    with pytest.raises(ValueError, match=message):
        generate(patches, tmp_path / "out", **{"num_frames": 10, "seed": 0, **settings})
    assert not list(tmp_path.iterdir())


def test_simulate_has_shorter_last_episodes(patches):
    recording = simulate(patches, 250, np.random.default_rng(0), episode_length=100)
    assert recording.episode_lengths.tolist() == [100, 100, 50] and recording.factors.shape == (250, 2)
    assert simulate(patches, 7, np.random.default_rng(0), episode_length=None).num_episodes == 1


def test_more_frames_than_fit_on_the_disk_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(
        ValueError, match=r"the size of the data set must be at most the free space in .* GB; got 3.* GB"
    ):
        generate(make("ball_in_boxes"), tmp_path / "new" / "out", num_frames=10**15, seed=0)
    assert not (tmp_path / "new").exists()
