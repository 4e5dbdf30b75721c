from importlib.machinery import EXTENSION_SUFFIXES

from pglane import version


def test_compiled_means_every_hot_module(tmp_path, monkeypatch):
    monkeypatch.setattr(version, "__file__", str(tmp_path / "version.py"))
    assert not version.compiled()
    (tmp_path / "wire").mkdir()
    for name in ("framing", "scanner"):
        assert version.compiled() is (name == "scanner")
        (tmp_path / "wire" / f"{name}.pxd").touch()
        (tmp_path / "wire" / f"{name}.py").touch()
        assert not version.compiled()
        (tmp_path / "wire" / f"{name}{EXTENSION_SUFFIXES[0]}").touch()
    assert version.compiled()
