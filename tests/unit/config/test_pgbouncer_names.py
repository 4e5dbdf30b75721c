from pathlib import Path

import pytest

from pglane.config.pgbouncer_names import ELSEWHERE, GUIDE, NAMES, suggestion_for
from pglane.config.settings import descriptions

DEBIANS = """
admin_users application_name_add_host auth_file auth_hba_file auth_query auth_type
autodb_idle_timeout client_idle_timeout client_login_timeout client_tls_ca_file
client_tls_cert_file client_tls_ciphers client_tls_dheparams client_tls_ecdhcurve
client_tls_key_file client_tls_protocols client_tls_sslmode default_pool_size disable_pqexec
dns_max_ttl dns_nxdomain_ttl dns_zone_check_period idle_transaction_timeout
ignore_startup_parameters job_name listen_addr listen_backlog listen_port log_connections
log_disconnections log_pooler_errors log_stats logfile max_client_conn max_db_connections
max_packet_size max_user_connections min_pool_size pidfile pkt_buf pool_mode query_timeout
query_wait_timeout reserve_pool_size reserve_pool_timeout resolv_conf sbuf_loopcnt
server_check_delay server_check_query server_connect_timeout server_fast_close
server_idle_timeout server_lifetime server_login_retry server_reset_query
server_reset_query_always server_round_robin server_tls_ca_file server_tls_cert_file
server_tls_ciphers server_tls_key_file server_tls_protocols server_tls_sslmode service_name
so_reuseport stats_period stats_users suspend_timeout syslog syslog_facility syslog_ident
tcp_defer_accept tcp_keepalive tcp_keepcnt tcp_keepidle tcp_keepintvl tcp_socket_buffer
tcp_user_timeout unix_socket_dir unix_socket_group unix_socket_mode verbose
"""
"""What stands in [pgbouncer] of the pgbouncer.ini of Debian 12."""
PAGE = Path(__file__).parents[3] / "docs/howto/move-from-pgbouncer.md"


def test_every_name_leads_to_a_setting():
    places = {each.place for each in descriptions()} | {"clients.auth_file"}
    for place in NAMES.values():
        assert place in places or ".NAME." in place, place


def test_the_unit_is_told():
    assert suggestion_for("Query_Timeout") == (
        "PgBouncer's query_timeout is query_ms_max in the table [clients], in milliseconds"
    )
    assert suggestion_for("max_db_client_connections") == (
        "PgBouncer's max_db_client_connections is connections_max in the table [databases.NAME]"
    )
    assert suggestion_for("budget") == ""


def test_what_is_said_elsewhere_or_not_at_all():
    assert suggestion_for("pool_mode") == (
        "in place of PgBouncer's pool_mode: the port says it: transaction_port or session_port in "
        "the table [listen]"
    )
    assert suggestion_for("pgbouncer") == GUIDE


def test_every_line_of_debians_file_is_known():
    assert not [name for name in DEBIANS.split() if not suggestion_for(name)]


@pytest.mark.parametrize("name", sorted(NAMES | ELSEWHERE))
def test_the_guide_has_it_too(name):
    assert f"`{name}`" in PAGE.read_text()
