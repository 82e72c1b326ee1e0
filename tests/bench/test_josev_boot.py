from __future__ import annotations

import pytest

from bench.codecs.josev import JosevMessage, decode, encode
from bench.josev import cs_parameters, device_model
from bench.settings import ChargerSettings, Evse, OcppSettings, Profile, SecuritySettings

ID = "fbd5a78d-a201-4fd3-9fc3-86a0d6624049"
PROFILE = Profile(
    charger=ChargerSettings(
        identity="CS_001",
        evses=(
            Evse(),
            Evse(id="GB*SEV*E123456790", ocpp_id=2, power_kw=7.4, connector_type="AC_single_phase_core"),
            Evse(id="GB*SEV*E123456791", ocpp_id=3, power_kw=150, connector_type="DC_combo_core"),
        ),
    )
)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("cs_parameters", cs_parameters(PROFILE)),
        ("device_model", device_model(PROFILE, "ws://10.0.0.2:9000")),
        ("device_model", device_model(PROFILE, "wss://10.0.0.2:9000", "a-password-of-16")),
    ],
)
def test_boot_answers_keep_the_rules_of_the_api(name: str, data: dict[str, object]) -> None:
    topics = PROFILE.bus.topics
    decoded = decode(encode(JosevMessage(ID, name, "response", data)), topics.cs_to_josev, topics)
    assert decoded.faults == ()


def test_the_device_model_maps_josev_ids_to_ocpp_numbers() -> None:
    model = device_model(PROFILE, "ws://10.0.0.2:9000")
    assert [(evse["iso15118_id"], evse["ocpp_id"]) for evse in model["evses"]] == [  # type: ignore[attr-defined]
        ("GB*SEV*E123456789", 1),
        ("GB*SEV*E123456790", 2),
        ("GB*SEV*E123456791", 3),
    ]
    assert (model["ocpp_csms_url"], model["security_profile"]) == ("ws://10.0.0.2:9000", 1)
    assert [evse["supply_phases"] for evse in model["evses"]] == [3, 1, 3]  # type: ignore[attr-defined]
    assert "basic_auth_password" not in model


@pytest.mark.parametrize(("profile", "told"), [(0, 1), (1, 1), (2, 2), (3, 3)])
def test_the_security_profile_is_the_bench_s_and_a_password_is_sent_where_there_is_one(profile: int, told: int) -> None:
    secured = PROFILE.model_copy(update={"ocpp": OcppSettings(security=SecuritySettings(profile=profile))})
    model = device_model(secured, "wss://10.0.0.2:9000", "a-password-of-16")
    assert (model["security_profile"], model["basic_auth_password"]) == (told, "a-password-of-16")


def test_every_evse_is_a_parameter_with_its_service() -> None:
    parameters = cs_parameters(PROFILE)
    assert parameters["number_of_evses"] == 3
    services = [entry["connectors"][0]["services"] for entry in parameters["parameters"]]  # type: ignore[attr-defined]
    assert [list(service) for service in services] == [["ac"], ["ac"], ["dc"]]
    assert services[0]["ac"]["nominal_voltage"] == 230
