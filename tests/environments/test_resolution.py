import hashlib
import json
import os
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.environments import kinds, locks, resolution
from turnout.environments.kinds import conda, existing, local_paths, requirements, specification, uv
from turnout.environments.kinds import container as container_kind
from turnout.exceptions import EnvironmentException
from turnout.runtime import layout, redaction

RUNNING = f"{sys.version_info[0]}.{sys.version_info[1]}"


def links(tmp_path):
    return [f"--find-links {tmp_path}/wheels", "--no-index"]


def names(environment):
    return [line.split(" ")[0] for line in environment["lock"]["requirements"]]


# What a definition asks for


@pytest.mark.parametrize(
    ("conda", "wanted"),
    [
        ("python", RUNNING),
        ("python=3.9", "3.9"),
        ("python==3.9.*", "3.9"),
        ("python 3.9", "3.9"),
        ("conda-forge::python=3.8.13", "3.8.13"),
        ("python>=3.6", RUNNING),
        ("python>=3.6,<4", RUNNING),
        ("python~=3.0", RUNNING),
        ("python=3", RUNNING),
    ],
)
def test_the_wanted_python_is_read_as_conda_writes_it(conda, wanted):
    parsed = specification.parse({"python": {"condaDependencies": {"dependencies": [conda]}}})
    assert parsed.python == wanted
    assert parsed.conda == ()


@pytest.mark.parametrize("conda", ["python>=3.99", "python<3", "python=nonsense", f"python!={RUNNING}"])
def test_a_python_that_does_not_fit_is_refused_with_a_way_out(conda):
    with pytest.raises(EnvironmentException, match="name one version"):
        specification.parse({"python": {"condaDependencies": {"dependencies": [conda]}}})


def test_an_override_takes_the_place_of_any_python_that_is_asked_for():
    for asked in ("python=3.6.2", "python>=3.99", "python=nonsense"):
        python = {"pythonOverride": "3.11", "condaDependencies": {"dependencies": [asked]}}
        assert specification.parse({"python": python}).python == "3.11"
    with pytest.raises(EnvironmentException, match=r"pythonOverride of environment 'old' is a version like 3\.11"):
        specification.parse({"name": "old", "python": {"pythonOverride": "new"}})


def test_a_python_that_can_not_be_had_names_the_override(submitter):
    with pytest.raises(EnvironmentException, match=rf"asks for Python 3\.6\.2.*--python {RUNNING}"):
        submitter.resolve("six", conda=("python=3.6.2",))


@pytest.mark.parametrize(
    "broken", [{"dependencies": [3]}, {"dependencies": [{"pip": "six"}]}, {"dependencies": [{"npm": []}]}, "x"]
)
def test_a_definition_that_makes_no_sense_is_refused(broken):
    with pytest.raises(EnvironmentException):
        specification.parse({"name": "odd", "python": {"condaDependencies": broken}})


def test_a_container_without_an_image_is_refused(submitter):
    with pytest.raises(EnvironmentException, match=r"names no image: set docker\.base_image"):
        submitter.resolve(docker={"enabled": True})


def test_an_editable_requirement_in_a_container_is_refused(submitter, tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\nversion = '1'\n")
    packages = {"dependencies": [{"pip": [f"-e {tmp_path}"]}]}
    with pytest.raises(EnvironmentException, match="leave the -e out"):
        submitter.resolve(docker={"baseImage": "debian:12"}, python={"condaDependencies": packages})


def test_the_image_that_v1_wrote_into_every_definition_asks_for_nothing(submitter):
    image = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20230306.v1"
    assert submitter.resolve(docker={"enabled": False, "baseImage": image})["kind"] == "uv"


def test_no_more_than_one_kind_claims_a_specification():
    for interpreter in (None, "python"):
        for packages in ((), ("numpy",)):
            for container in ("", "an image"):
                asked = specification.Specification("n", None, interpreter, RUNNING, (), packages, container)
                assert sum(kind.claims(asked) for kind in (conda, container_kind, existing, uv)) == 1


# The lines of a requirements file


def read(*lines, directory="/"):
    return requirements.read(lines, directory, "mine")


def test_files_that_lines_refer_to_are_read_from_where_they_are(tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "base.txt").write_text("six  # a comment\n-c limits.txt\nidna \\\n >=2\n")
    (tmp_path / "more" / "limits.txt").write_text("six<2\n")
    found = read("-r more/base.txt", "# nothing", "", directory=str(tmp_path))
    assert found.lines == ["six", "idna   >=2"]
    assert found.constraints == ["six<2"]


def test_a_file_that_includes_itself_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("-r b.txt\n")
    (tmp_path / "b.txt").write_text("-r a.txt\n")
    with pytest.raises(EnvironmentException, match="includes itself"):
        read("-r a.txt", directory=str(tmp_path))


def test_options_are_kept_with_what_they_mean():
    found = read(
        "-i https://one/simple", "--extra-index-url=https://two", "--no-binary :all:", "--pre", "--trusted-host two"
    )
    assert found.sources == ["--index-url https://one/simple", "--extra-index-url https://two", "--trusted-host two"]
    assert found.build == ["--no-binary :all:"]
    assert found.prereleases


@pytest.mark.parametrize(
    "line",
    [
        "--bogus",
        "-r missing.txt",
        "./missing",
        "--find-links missing",
        "--index-url",
        "six --global-option=x",
        "-r https://h/r.txt",
    ],
)
def test_a_line_that_can_not_be_used_is_refused_by_name(line, tmp_path):
    with pytest.raises(EnvironmentException, match=r"requirements of environment 'mine'"):
        read(line, directory=str(tmp_path))


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://user:hunter2@host/simple",
        "--extra-index-url=https://hunter2@host/simple",
        "six @ git+https://hunter2@host/six.git",
        "-e git+ssh://git:hunter2@host/six.git",
        "--find-links https://user:${NAME}hunter2@host/",
    ],
)
def test_credentials_are_refused_and_not_repeated(line):
    with pytest.raises(EnvironmentException, match="UV_INDEX_URL") as refused:
        read(line)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://${USER}:${TOKEN}@host/simple",
        "--index-url https://__token__:${TOKEN}@host/simple",
        "six @ git+ssh://git@host/six.git@v1",
        "six @ git+https://host/six.git@main",
    ],
)
def test_what_only_looks_like_credentials_is_kept(line):
    found = read(line)
    assert [*found.sources, *found.lines] == [line]


def test_a_local_requirement_becomes_absolute_and_is_said_to_bind(tmp_path):
    (tmp_path / "a package").mkdir()
    (tmp_path / "a package" / "pyproject.toml").write_text("[project]\nname='p'\n")
    found = read("./a package[extra] ; python_version > '3'", "-e './a package'", directory=str(tmp_path))
    uri = f"file://{tmp_path}/a%20package"
    assert found.lines == [f"{uri}[extra] ; python_version > '3'", f"-e {uri}"]
    assert list(found.local) == [f"{tmp_path}/a package"]
    assert any("nowhere else" in note for note in found.notes)


@pytest.mark.parametrize(
    "line", ["six", "six==1.0", "six[a,b]>=1 ; x == 'a/b'", "six @ https://h/six.whl", "git+https://h/x.git"]
)
def test_what_comes_from_elsewhere_is_not_local(line):
    assert local_paths.recognise(line, "/") is None


def test_the_digest_of_a_package_sees_its_files_and_not_what_building_leaves(tmp_path):
    (tmp_path / "setup.py").write_text("one")
    (tmp_path / "code.py").write_text("one")
    before = local_paths.digest(str(tmp_path), False)
    editable = local_paths.digest(str(tmp_path), True)
    for left in ("build/lib", "p.egg-info", "__pycache__"):
        (tmp_path / left).mkdir(parents=True)
        (tmp_path / left / "file").write_text("left")
    assert local_paths.digest(str(tmp_path), False) == before
    (tmp_path / "code.py").write_text("two")
    assert local_paths.digest(str(tmp_path), False) != before
    assert local_paths.digest(str(tmp_path), True) == editable


def test_the_sdk_that_turnout_replaces_is_left_out_with_a_word():
    found = read("azureml-defaults>=1", "AzureML_Core", "azureml-mlflow")
    assert found.lines == ["azureml-mlflow"]
    assert len(found.notes) == 2


# Resolving


def test_packages_are_resolved_with_their_hashes_and_the_lock_is_kept(submitter, wheel, tmp_path):
    made = wheel("one", requires=("two",))
    wheel("two", "2.0")
    environment = submitter.resolve(*links(tmp_path), "one")
    assert names(environment) == ["one==1.0", "two==2.0"]
    assert f"--hash=sha256:{hashlib.sha256(made.read_bytes()).hexdigest()}" in environment["lock"]["requirements"][0]
    assert environment["python"] == RUNNING
    assert any(line.startswith("Resolved 2 packages") for line in submitter.said)
    (kept,) = submitter.locks()
    assert json.loads(kept.read_text())["lock"] == environment["lock"]
    assert kept.stat().st_mode & 0o777 == layout.FILE_MODE


def test_a_lock_stands_when_newer_versions_appear(submitter, wheel, tmp_path):
    wheel("one", "1.0")
    before = submitter.resolve(*links(tmp_path), "one")
    wheel("one", "2.0")
    assert submitter.resolve(*links(tmp_path), "one") == before
    assert names(submitter.resolve(*links(tmp_path), "one>=2")) == ["one==2.0"]


def test_a_torn_lock_is_resolved_again(submitter, wheel, tmp_path):
    wheel("one")
    before = submitter.resolve(*links(tmp_path), "one")
    (kept,) = submitter.locks()
    kept.write_text('{"lock": {"req')
    assert submitter.resolve(*links(tmp_path), "one") == before
    assert submitter.locks() == [kept]
    assert json.loads(kept.read_text())["lock"] == before["lock"]


def test_the_first_of_two_locks_stands(submitter):
    assert locks.store(submitter.workspace, "d", {}, {"python": "first"}) == {"python": "first"}
    assert locks.store(submitter.workspace, "d", {}, {"python": "second"}) == {"python": "first"}
    assert [path.name for path in submitter.locks()] == ["d.json"]


def test_no_packages_need_no_uv_and_leave_no_file(submitter, monkeypatch):
    monkeypatch.setenv("TURNOUT_UV", "/nowhere")
    monkeypatch.setenv("PATH", "/nowhere")
    assert submitter.resolve()["lock"]["requirements"] == []
    assert submitter.locks() == []


def test_given_hashes_are_the_only_ones_that_are_accepted(submitter, wheel, tmp_path):
    made = wheel("one")
    good = f"--hash=sha256:{hashlib.sha256(made.read_bytes()).hexdigest()}"
    environment = submitter.resolve(*links(tmp_path), f"one==1.0 {good}")
    assert environment["lock"]["requirements"] == [f"one==1.0 {good}"]
    with pytest.raises(resolution.ResolutionFailed, match="other hashes"):
        submitter.resolve(*links(tmp_path), f"one==1.0 --hash=sha256:{'0' * 64}")


def test_require_hashes_refuses_what_was_given_none(submitter, wheel, tmp_path):
    wheel("one")
    with pytest.raises(resolution.ResolutionFailed, match="was given no hash"):
        submitter.resolve(*links(tmp_path), "--require-hashes", "one==1.0")


def test_constraints_limit_versions(submitter, wheel, tmp_path):
    wheel("one", "1.0")
    wheel("one", "2.0")
    (submitter.source / "limits.txt").write_text("one<2\n")
    assert names(submitter.resolve(*links(tmp_path), "-c limits.txt", "one")) == ["one==1.0"]


def test_the_key_does_not_depend_on_where_packages_come_from(submitter, wheel, tmp_path):
    wheel("one")
    (tmp_path / "elsewhere").mkdir()
    one = submitter.resolve(*links(tmp_path), "one")
    two = submitter.resolve(f"--find-links {tmp_path}/elsewhere", *links(tmp_path), "one")
    assert one["lock"] != two["lock"]
    assert one["key"] == two["key"]


def test_a_changed_local_package_has_another_key(submitter, tmp_path):
    package = submitter.source / "local-1.0-py3-none-any.whl"
    for content in ("one", "two"):
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("local.py", content)
            archive.writestr("local-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: local\nVersion: 1.0\n")
            archive.writestr(
                "local-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr("local-1.0.dist-info/RECORD", "")
        environment = submitter.resolve("./local-1.0-py3-none-any.whl")
        if content == "one":
            before = environment
    assert names(before) == names(environment) == ["local"]
    assert before["key"] != environment["key"]


# What can't be resolved


@pytest.mark.parametrize("line", ["one==", "one two", "one @@ x", "one[", "/tmp"])
def test_a_requirement_that_can_not_be_read_leaves_nothing(submitter, line):
    with pytest.raises(EnvironmentException) as refused:
        submitter.resolve("--no-index", line)
    assert not isinstance(refused.value, resolution.ResolutionFailed)
    assert "mine" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert submitter.locks() == []


def test_a_missing_package_is_a_failed_resolution_with_uvs_words(submitter, wheel, tmp_path):
    wheel("one")
    with pytest.raises(resolution.ResolutionFailed, match="check the spelling") as failed:
        submitter.resolve(*links(tmp_path), "missing")
    assert "missing was not found" in failed.value.words
    assert "\x1b" not in failed.value.words
    assert not any("missing was not found" in line for line in submitter.said), "told twice"
    assert submitter.locks() == []


def test_uv_gets_the_secrets_and_they_are_not_repeated(submitter, monkeypatch):
    monkeypatch.delenv("UV_INDEX_URL", raising=False)
    definition = {"name": "mine", "python": {"condaDependencies": {"dependencies": [{"pip": ["one"]}]}}}
    variables = {**os.environ, "UV_DEFAULT_INDEX": "http://127.0.0.1:9/hunter2/simple", "RUST_LOG": "uv=debug"}
    with pytest.raises(resolution.ResolutionFailed) as failed:
        resolution.resolve(
            definition,
            submitter.home,
            submitter.workspace,
            submitter.said.append,
            variables=variables,
            hide=redaction.redactor(["hunter2"]),
        )
    assert "http://127.0.0.1:9/***/simple" in failed.value.words
    assert any("/***/simple" in line for line in submitter.said)
    assert "hunter2" not in "\n".join([str(failed.value), failed.value.words, *submitter.said])


def test_a_conflict_names_both_sides(submitter, wheel, tmp_path):
    wheel("one", requires=("two<2",))
    wheel("two", "2.0")
    wheel("two", "1.0")
    with pytest.raises(resolution.ResolutionFailed) as failed:
        submitter.resolve(*links(tmp_path), "one", "two>=2")
    assert "one" in failed.value.words
    assert "two>=2" in failed.value.words


def test_an_index_that_is_down_is_a_failed_resolution(submitter):
    with pytest.raises(resolution.ResolutionFailed, match="check the network"):
        submitter.resolve("--index-url http://127.0.0.1:9/simple", "one")


def test_a_python_that_can_not_be_had_lists_those_that_can(submitter):
    with pytest.raises(EnvironmentException, match=rf"3\.99.*not here.*{RUNNING}"):
        submitter.resolve("six", conda=("python=3.99",))


def test_pip_settings_reach_uv(submitter, wheel, tmp_path, monkeypatch):
    wheel("one")
    monkeypatch.setenv("PIP_FIND_LINKS", f"{tmp_path}/wheels /nowhere")
    assert names(submitter.resolve("--no-index", "one")) == ["one==1.0"]


# Existing interpreters


def own(path):
    return {"python": {"userManagedDependencies": True, "interpreterPath": path}}


def test_python_means_the_interpreter_that_is_running(submitter):
    environment = submitter.resolve(**own("python"))
    assert environment["lock"]["interpreter"] == os.path.abspath(sys.executable)
    assert environment["python"] == RUNNING


def test_the_command_takes_the_activated_environment(submitter, tmp_path, monkeypatch):
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / "venv" / "pyvenv.cfg").write_text("version = 3.8.1\n")
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "venv"))
    assert submitter.resolve(**own("python"))["lock"]["interpreter"] == os.path.abspath(sys.executable)
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/turnout", "submit"])
    environment = submitter.resolve(**own("python"))
    assert environment["lock"]["interpreter"] == f"{tmp_path}/venv/bin/python"
    assert environment["python"] == "3.8"


@pytest.mark.parametrize("path", ["/nowhere/python", "no-such-python", "/etc/passwd", "/tmp"])
def test_an_interpreter_that_is_not_there_is_refused(submitter, path):
    with pytest.raises(EnvironmentException, match="no interpreter"):
        submitter.resolve(**own(path))


# Tools


def test_uv_is_linked_into_the_home_and_relinked_when_it_is_gone(submitter):
    resolution.provide_tools(submitter.home)
    link = Path(submitter.home.tools, "uv")
    target = link.readlink()
    assert os.access(target, os.X_OK)
    link.unlink()
    link.symlink_to("/nowhere/uv")
    resolution.provide_tools(submitter.home)
    assert link.readlink() == target
    assert [path.name for path in link.parent.iterdir()] == ["uv"]


def test_the_python_that_has_py_rattler_is_linked_for_those_who_need_it(submitter):
    link = Path(submitter.home.tools, "rattler")
    resolution.provide_tools(submitter.home, ("uv", "rattler"))
    assert os.readlink(link) == sys.executable
    link.unlink()
    link.symlink_to("/nowhere/python")
    resolution.provide_tools(submitter.home, ("rattler",))
    assert os.readlink(link) == sys.executable
    assert sorted(path.name for path in link.parent.iterdir()) == ["rattler", "uv"]


@given(st.lists(st.sampled_from(["six", "idna==3.7", "attrs>=1", "# note", ""])), st.randoms(use_true_random=False))
def test_the_request_does_not_depend_on_the_order_of_lines(lines, random):
    shuffled = list(lines)
    random.shuffle(shuffled)
    asked = [
        specification.parse({"python": {"condaDependencies": {"dependencies": [{"pip": some}]}}})
        for some in (lines, shuffled)
    ]
    context = kinds.Context("mine", layout.Home("/nowhere"), "/", "linux-x86_64", True, lambda line: None)
    one, two = (locks.digest("uv", uv.request(specified, context)) for specified in asked)
    assert one == two
