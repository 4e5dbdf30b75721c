from pglane import compiled, version


def test_compiled_means_that_a_library_was_built(tmp_path, monkeypatch):
    for path in (None, tmp_path):
        monkeypatch.setattr(version, "library", lambda path=path: path)
        assert version.compiled() is (path is not None)


def test_the_library_is_the_one_of_this_package():
    assert version.library is compiled.library
