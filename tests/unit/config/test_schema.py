from pglane.config.file_settings import file_descriptions
from pglane.config.lanes import lane_descriptions
from pglane.config.schema import SECTIONS, json_schema, settings_page


def test_every_setting_is_in_the_schema_and_on_the_page():
    schema, page = json_schema(), settings_page()
    for setting in file_descriptions():
        shape = schema["properties"][setting.section]["properties"][setting.key]
        assert shape["description"] == setting.meaning
        assert f"| `{setting.key}`" in page
    assert set(schema["properties"]) == {*SECTIONS, "databases", "lanes", "users"}


def test_secrets_may_be_elsewhere():
    server = json_schema()["properties"]["server"]["properties"]
    assert {"password", "password_env", "password_file", "uri_env"} <= set(server)
    assert "host_env" not in server


def test_shapes_of_values():
    properties = json_schema()["properties"]
    assert properties["server"]["properties"]["budget"]["maximum"] == 10_000
    assert properties["clients"]["properties"]["auth"]["enum"][::4] == ["scram", "trust"]
    assert properties["listen"]["properties"]["addresses"]["type"] == "array"
    assert "scram-sha-256" in properties["clients"]["properties"]["auth"]["enum"]
    user = properties["users"]["additionalProperties"]
    assert user["additionalProperties"] is False
    assert "verifier_file" in user["properties"]
    assert user["properties"]["query_ms_max"]["type"] == "integer"
    for lists in ("allow_from", "certificate_names"):
        assert user["properties"][lists]["type"] == "array"


def test_every_setting_of_a_lane_is_in_the_schema_and_on_the_page():
    page, lane = settings_page(), json_schema()["properties"]["lanes"]["additionalProperties"]
    for setting in lane_descriptions():
        assert lane["properties"][setting.key]["description"] == setting.meaning
        assert f"| `{setting.key}`" in page
    assert lane["properties"]["weight"]["type"] == "number"
    entry = lane["properties"]["match"]["items"]
    assert "tag" in entry["properties"]
    assert entry["properties"]["door"]["enum"] == ["transaction", "session", "direct"]
    assert entry["dependentRequired"] == {"value": ["tag"]}


def test_limits_of_doors_and_databases():
    properties = json_schema()["properties"]
    assert "query_ms_max" in properties["session"]["properties"]
    assert "query_ms_max" not in properties["direct"]["properties"]
    assert "budget" in properties["databases"]["additionalProperties"]["properties"]
    assert "Limits of its own: `query_ms_max`" in settings_page()
