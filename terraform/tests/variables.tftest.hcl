# What is refused before anything is planned, and what the names and variables come to. No run asks a provider anything:
# `npm run check:terraform` runs this file also where no provider can be had.
mock_provider "archive" {}
mock_provider "google" {}

variables {
  project  = "my-project"
  location = "asia-southeast1"
  region   = "asia-southeast1"
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
    condition     = local.function_environment.extract.SOURCE_DATABASE_URL == "sm://my-project/cdc-source-database-url/latest"
    error_message = "extract reads where the source is from its secret."
  }

  assert {
    condition     = alltrue([for function in ["merge", "stream"] : local.function_environment[function].SOURCE_DATABASE_URL == "postgresql://nobody@localhost/nothing" && !can(local.function_environment[function].SOURCE_TLS)])
    error_message = "Only extract is told where the source is."
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
    condition     = max([for function in concat(keys(local.functions), ["trigger", "build", "reconcile"]) : length("cdc-${function}${local.suffix}")]...) <= 30
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

run "accepts_schedules_that_cron_knows" {
  command = plan

  variables {
    schedule           = "0,30 6-20/2 1-15 jan-Mar mon-fri"
    schedule_time_zone = "Asia/Bangkok"
  }

  assert {
    condition     = length(split(" ", var.schedule)) == 5
    error_message = "This schedule is one."
  }
}

run "refuses_a_cron_of_words" {
  command = plan

  variables {
    schedule = "every 5 minutes"
  }

  expect_failures = [var.schedule]
}

run "refuses_a_cron_of_four_fields" {
  command = plan

  variables {
    schedule = "* * * *"
  }

  expect_failures = [var.schedule]
}

run "refuses_a_cron_with_a_minute_60" {
  command = plan

  variables {
    schedule = "60 * * * *"
  }

  expect_failures = [var.schedule]
}

run "refuses_a_cron_with_an_hour_24" {
  command = plan

  variables {
    schedule = "0 24 * * *"
  }

  expect_failures = [var.schedule]
}

run "refuses_a_cron_with_two_spaces" {
  command = plan

  variables {
    schedule = "*/5  * * * *"
  }

  expect_failures = [var.schedule]
}

run "refuses_a_time_zone_by_its_offset" {
  command = plan

  variables {
    schedule_time_zone = "+07:00"
  }

  expect_failures = [var.schedule_time_zone]
}

run "refuses_a_region_outside_the_location" {
  command = plan

  variables {
    location = "EU"
    region   = "us-central1"
  }

  expect_failures = [var.region]
}

run "refuses_two_regions" {
  command = plan

  variables {
    location = "asia-southeast1"
    region   = "asia-east1"
  }

  expect_failures = [var.region]
}

run "refuses_a_location_that_is_none" {
  command = plan

  variables {
    location = "Singapore"
    region   = "asia-southeast1"
  }

  expect_failures = [var.location]
}

run "refuses_a_region_that_is_a_zone" {
  command = plan

  variables {
    location = "asia-southeast1"
    region   = "asia-southeast1-a"
  }

  expect_failures = [var.region]
}

run "refuses_an_environment_that_is_too_long" {
  command = plan

  variables {
    environment = "acceptance-te"
  }

  expect_failures = [var.environment]
}

run "refuses_an_environment_with_capitals" {
  command = plan

  variables {
    environment = "Test"
  }

  expect_failures = [var.environment]
}

run "refuses_a_project_by_its_title" {
  command = plan

  variables {
    project = "My project"
  }

  expect_failures = [var.project]
}

run "refuses_a_topic_with_a_space" {
  command = plan

  variables {
    topics = { extract = "cdc extract" }
  }

  expect_failures = [var.topics]
}

run "refuses_topics_of_one_name" {
  command = plan

  variables {
    topics = { extract = "cdc", merge = "cdc" }
  }

  expect_failures = [var.topics]
}

run "refuses_a_dataset_with_a_dash" {
  command = plan

  variables {
    datasets = { temp = "SMart-Data" }
  }

  expect_failures = [var.datasets]
}

run "refuses_datasets_of_one_name" {
  command = plan

  variables {
    datasets = { temp = "one", target = "one" }
  }

  expect_failures = [var.datasets]
}

run "refuses_staged_objects_of_two_days" {
  command = plan

  variables {
    staging_days = 2
  }

  expect_failures = [var.staging_days]
}

run "refuses_a_label_with_capitals" {
  command = plan

  variables {
    labels = { Team = "data" }
  }

  expect_failures = [var.labels]
}

run "refuses_an_address_that_is_none" {
  command = plan

  variables {
    alert_emails = ["data-team"]
  }

  expect_failures = [var.alert_emails]
}

run "refuses_a_channel_by_its_name" {
  command = plan

  variables {
    alert_channels = ["pager"]
  }

  expect_failures = [var.alert_channels]
}

run "refuses_an_absence_of_two_days" {
  command = plan

  variables {
    alert_after = { no_applied_minutes = 2880 }
  }

  expect_failures = [var.alert_after]
}

run "refuses_a_billing_account_by_its_name" {
  command = plan

  variables {
    budget = { billing_account = "mine", amount = 50, currency = "EUR" }
  }

  expect_failures = [var.budget]
}

run "refuses_an_instance_without_its_region" {
  command = plan

  variables {
    source_database = { cloud_sql_instance = "my-project:smartapp" }
  }

  expect_failures = [var.source_database]
}

run "refuses_a_tls_mode_that_may_fall_back" {
  command = plan

  variables {
    source_database = { tls = "prefer" }
  }

  expect_failures = [var.source_database]
}

run "refuses_two_control_instances" {
  command = plan

  variables {
    control_database = { cloud_sql_instance = "my-project:asia-southeast1:db" }
    control_instance = {}
  }

  expect_failures = [var.control_database]
}

run "refuses_a_private_address_without_a_way" {
  command = plan

  variables {
    source_database = { cloud_sql_instance = "p:asia-southeast1:db", cloud_sql_ip_type = "PRIVATE" }
  }

  expect_failures = [var.vpc]
}

run "refuses_half_a_network" {
  command = plan

  variables {
    vpc = { network = "default" }
  }

  expect_failures = [var.vpc]
}

run "refuses_callers_that_are_everybody" {
  command = plan

  variables {
    invokers = ["allUsers"]
  }

  expect_failures = [var.invokers]
}

run "refuses_a_log_that_is_too_quiet_for_alerts" {
  command = plan

  variables {
    settings = { log_level = "warn" }
  }

  expect_failures = [var.settings]
}

run "refuses_a_number_of_slices_that_is_too_high" {
  command = plan

  variables {
    settings = { max_slices = 17 }
  }

  expect_failures = [var.settings]
}

run "refuses_an_authority_without_tls" {
  command = plan

  variables {
    control_database = { tls = "disable", tls_ca = "-----BEGIN CERTIFICATE-----" }
  }

  expect_failures = [var.control_database]
}
