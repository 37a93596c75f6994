# What the names, the variables and the schedule come to. What is refused: refusals.tftest.hcl.
mock_provider "archive" {}
mock_provider "google" {}
mock_provider "time" {}

variables {
  project  = "my-project"
  location = "asia-southeast1"
  region   = "asia-southeast1"

  alert_emails = ["data-team@example.com"]
}

run "accepts_the_defaults" {
  command = plan

  assert {
    condition     = local.environment.STAGING_BUCKET == "my-project-cdc-staging" && local.topics.extract == "cdc-extract" && local.datasets.target == "SMartDataAnalytics"
    error_message = "The only installation of a project has the functions' own default names."
  }

  assert {
    condition     = local.environment.TIME_LIMIT_SECONDS == local.time_limit_seconds && local.time_limit_seconds <= 540
    error_message = "The functions must know the time limit that they are deployed with."
  }

  assert {
    condition     = local.environment.CONTROL_CLOUD_SQL_INSTANCE == null && local.environment.CONTROL_TLS == "verify-full"
    error_message = "Without Cloud SQL, a database is reached by its URL over verified TLS."
  }

  assert {
    condition     = alltrue([for function in ["admin", "extract", "reconcile"] : local.function_environment[function].SOURCE_DATABASE_URL == "sm://my-project/cdc-source-database-url/latest"])
    error_message = "admin, extract and reconcile read where the source is from its secret."
  }

  assert {
    condition     = alltrue([for function in ["merge", "stream"] : local.function_environment[function].SOURCE_DATABASE_URL == "postgresql://nobody@localhost/nothing" && !can(local.function_environment[function].SOURCE_TLS)])
    error_message = "Only admin, extract and reconcile are told where the source is."
  }
}

run "names_every_environment_apart" {
  command = plan

  variables {
    environment = "test-2"
  }

  assert {
    condition     = local.topics.dead_letter == "cdc-dead-letter-test-2" && local.datasets.view == "View_SMartData_test_2" && local.buckets.staging == "my-project-cdc-staging-test-2"
    error_message = "The environment's name must be in every name."
  }
}

run "fits_the_longest_names" {
  command = plan

  variables {
    project     = "a-project-id-of-30-characters1"
    environment = "twelve-chars"
  }

  assert {
    condition     = max([for name in values(local.buckets) : length(name)]...) <= 63
    error_message = "A bucket's name has 63 characters at most."
  }

  assert {
    condition     = max([for function in concat(keys(local.functions), ["trigger", "build"]) : length("cdc-${function}${local.suffix}")]...) <= 30
    error_message = "A service account's id has 30 characters at most."
  }
}

run "reaches_a_cloud_sql_instance_by_its_name" {
  command = plan

  variables {
    source_database  = { cloud_sql_instance = "other-project:asia-southeast1:smartapp" }
    control_instance = {}
  }

  assert {
    condition     = local.environment.SOURCE_CLOUD_SQL_INSTANCE == "other-project:asia-southeast1:smartapp" && local.environment.SOURCE_TLS == null
    error_message = "Google's connector does TLS by itself."
  }

  assert {
    condition     = local.environment.CONTROL_CLOUD_SQL_INSTANCE == "my-project:asia-southeast1:cdc-control" && local.environment.CONTROL_CLOUD_SQL_IP_TYPE == "PUBLIC"
    error_message = "The control instance that is made is the one that is used."
  }

  assert {
    condition     = local.cloud_sql_resources.source == { project = "other-project", name = "projects/other-project/instances/smartapp" }
    error_message = "The right to connect is given in the project of the instance, for that instance."
  }

  assert {
    condition     = contains(local.services, "sqladmin.googleapis.com")
    error_message = "The connector needs the Cloud SQL Admin API."
  }
}

run "reaches_a_private_address_through_a_connector" {
  command = plan

  variables {
    control_instance = { private_network = "projects/my-project/global/networks/default" }
    vpc              = { network = "default", ip_cidr_range = "10.8.0.0/28" }
  }

  assert {
    condition     = local.environment.CONTROL_CLOUD_SQL_IP_TYPE == "PRIVATE" && contains(local.services, "vpcaccess.googleapis.com")
    error_message = "A private control instance is reached by its private address."
  }
}

run "sends_what_goes_to_public_addresses_through_the_network_on_request" {
  command = plan

  variables {
    vpc = { connector = "projects/my-project/locations/asia-southeast1/connectors/nat", egress = "ALL_TRAFFIC" }
  }

  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.function : function.service_config[0].vpc_connector == var.vpc.connector && function.service_config[0].vpc_connector_egress_settings == "ALL_TRAFFIC"])
    error_message = "A source behind a firewall is reached from the address of the network's NAT."
  }
}

run "accepts_schedules_that_cron_knows" {
  command = plan

  variables {
    schedule           = "0,30 6-20/2 1-15 jan-Mar mon-fri"
    schedule_time_zone = "Asia/Bangkok"
  }

  assert {
    condition     = local.ticks == [for minute in range(360, 1231, 30) : minute if minute % 120 < 60]
    error_message = "Half past and full, of every second hour from 6 to 20."
  }

  assert {
    condition     = local.schedule_rest_minutes == null && !contains(keys(local.alerts), "no_tick") && !contains(keys(local.alerts), "no_applied_batch")
    error_message = "Where whole days have no tick, no alert expects one."
  }

  expect_failures = [check.ticks_are_watched]
}

run "accepts_a_day_that_comes_in_no_year" {
  command = plan

  variables {
    schedule = "0 0 31 2 *"
  }

  assert {
    condition     = local.ticks == [0]
    error_message = "Google takes it, too."
  }

  expect_failures = [check.ticks_are_watched]
}

run "expects_ticks_as_the_schedule_sends_them" {
  command = plan

  assert {
    condition     = local.schedule_rest_minutes == 5 && local.alert_after == { behind_minutes = 30, failed_calls = 20, no_applied_minutes = 120, no_tick_minutes = 30 }
    error_message = "With ticks every five minutes: 30, 120 and 30."
  }
}

run "expects_no_ticks_at_night" {
  command = plan

  variables {
    schedule = "*/10,55 6-19 * * *"
  }

  assert {
    condition     = local.schedule_rest_minutes == 605 && local.alert_after == { behind_minutes = 630, failed_calls = 20, no_applied_minutes = 720, no_tick_minutes = 630 }
    error_message = "From 19:55 to 6:00."
  }
}

run "expects_hourly_ticks_every_hour" {
  command = plan

  variables {
    schedule    = "7 * * * *"
    alert_after = { behind_minutes = 70, no_tick_minutes = 200 }
  }

  assert {
    condition     = local.schedule_rest_minutes == 60 && local.alert_after == { behind_minutes = 70, failed_calls = 20, no_applied_minutes = 175, no_tick_minutes = 200 }
    error_message = "What is given is taken, what is left out follows from the schedule."
  }
}

run "expects_no_daily_tick" {
  command = plan

  variables {
    schedule = "0 3 * * *"
  }

  assert {
    condition     = local.schedule_rest_minutes == 1440 && local.alert_after.no_tick_minutes == null && local.alert_after.behind_minutes == 1440
    error_message = "Cloud Monitoring does not look back for a day."
  }

  expect_failures = [check.ticks_are_watched]
}

run "warns_of_alerts_that_nobody_gets" {
  command = plan

  variables {
    alert_emails = []
  }

  expect_failures = [check.alerts_reach_somebody]
}

run "is_content_with_a_channel_that_is_there" {
  command = plan

  variables {
    alert_emails   = []
    alert_channels = ["projects/my-project/notificationChannels/7"]
  }

  assert {
    condition     = alltrue([for alert in google_monitoring_alert_policy.alert : alert.notification_channels == tolist(var.alert_channels)])
    error_message = "Every alert goes to the channels that are given."
  }
}
