from graft.config import locate


def test_a_checkouts_configs_are_found():
    assert (locate.configs_dir() / "train.yaml").is_file()
    assert locate.configs_dir().is_absolute()


def test_a_wheels_own_configs_come_first(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "graft"
    (package / "configs").mkdir(parents=True)
    monkeypatch.setattr(locate, "__file__", str(package / "config" / "locate.py"))
    assert locate.configs_dir() == package / "configs"
