"""The drill of the profile: what docs/compose.md says of `run --rm drill`."""


def test_a_failover_is_had_through_haproxy(deployment):
    deployment.wait_whole()
    leader = deployment.leader()
    said = deployment.compose("run", "--rm", "drill").stdout
    assert f"PostgreSQL of '{leader}' is killed" in said and "a write is acknowledged again" in said
    assert said.rstrip().endswith("Passed.")
    deployment.wait_whole()
    assert deployment.leader() != leader
    assert deployment.ask("select count(*) from pg_class where relname like 'pgherd_drill%'") == 0


def test_a_deployment_that_is_not_well_is_left_alone(deployment):
    deployment.wait_whole()
    leader = deployment.leader()
    deployment.ctl("pause", "--wait")
    try:
        refused = deployment.compose("run", "--rm", "drill", check=False)
        assert refused.returncode == 2 and "maintenance mode is on" in refused.stdout + refused.stderr
        assert deployment.leader() == leader
    finally:
        deployment.ctl("resume", "--wait")


def test_nothing_of_it_runs_with_the_others(deployment):
    assert "drill" not in deployment.compose("ps", "--services", "--filter", "status=running").stdout.split()
