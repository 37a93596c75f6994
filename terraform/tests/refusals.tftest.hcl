# Values that variables.tf refuses. Each breaks one rule only: without that rule, its run fails.
mock_provider "archive" {}
mock_provider "google" {}
mock_provider "time" {}

variables {
  project      = "my-project"
  location     = "asia-southeast1"
  region       = "asia-southeast1"
  alert_emails = ["data-team@example.com"]
}

# Many variables in one run: Terraform reports every one.
run "refuses_values_of_the_wrong_form" {
  command = plan
  variables {
    alert_channels     = ["pager"]
    alert_emails       = ["data-team"]
    analyst_groups     = ["analysts"]
    budget             = { billing_account = "mine", amount = 50, currency = "EUR" }
    control_instance   = { database_version = "MYSQL_8_0" }
    datasets           = { temp = "SMart-Data" }
    environment        = "Test"
    invokers           = ["allUsers"]
    labels             = { Team = "data" }
    project            = "My project"
    schedule           = "every 5 minutes"
    schedule_time_zone = "+07:00"
    settings           = { source_time_zone = "+07:00" }
    topics             = { extract = "cdc extract" }
  }
  expect_failures = [
    var.alert_channels, var.alert_emails, var.analyst_groups, var.budget, var.control_instance, var.datasets,
    var.environment, var.invokers, var.labels, var.project, var.schedule, var.schedule_time_zone, var.settings, var.topics,
  ]
}

run "refuses_unknown_choices" {
  command = plan
  variables {
    budget           = { billing_account = "012345-6789AB-CDEF01", amount = 50, currency = "€" }
    control_instance = { availability_type = "GLOBAL" }
    ingress          = "NONE"
    settings         = { log_level = "warn" }
  }
  expect_failures = [var.budget, var.control_instance, var.ingress, var.settings]
}

run "refuses_values_out_of_range" {
  command = plan
  variables {
    alert_after      = { behind_minutes = 2880 }
    control_instance = { transaction_log_days = 8 }
    environment      = "acceptance-te"
    max_instances    = 0
    settings         = { max_slices = 17, source_connections = 20 }
    staging_days     = 2
  }
  expect_failures = [
    var.alert_after, var.control_instance, var.environment, var.max_instances, var.settings, var.staging_days,
  ]
}

run "refuses_fractions" {
  command = plan
  variables {
    alert_after      = { behind_minutes = 30.5 }
    budget           = { billing_account = "012345-6789AB-CDEF01", amount = 9.5, currency = "EUR" }
    control_instance = { maintenance_hour = 3.5 }
    max_instances    = 2.5
    settings         = { grace_seconds = 0.5 }
    staging_days     = 3.5
  }
  expect_failures = [
    var.alert_after, var.budget, var.control_instance, var.max_instances, var.settings, var.staging_days,
  ]
}

run "refuses_values_that_contradict_each_other" {
  command = plan
  variables {
    control_instance = { backup_days = 3 } # transaction_log_days is 7
    datasets         = { temp = "one", target = "one" }
    labels           = { managed-by = "me" }
    schedule         = "5-1 * * * *"
    settings         = { max_slices = 10 } # so are source_connections
    topics           = { extract = "cdc", merge = "cdc" }
  }
  expect_failures = [
    var.control_instance, var.datasets, var.labels, var.schedule, var.settings, var.topics,
  ]
}

run "refuses_a_wrong_schedule_of_checks" {
  command = plan
  variables { reconcile_schedule = "every night" }
  expect_failures = [var.schedule]
}

run "refuses_a_schedule_of_checks_that_runs_backwards" {
  command = plan
  variables { reconcile_schedule = "0 22-2 * * *" }
  expect_failures = [var.schedule]
}

run "refuses_statements_that_outlive_their_function" {
  command = plan
  variables { settings = { statement_timeout_seconds = 600 } }
  expect_failures = [var.settings]
}

# Location and region.
run "refuses_an_unknown_location" {
  command = plan
  variables { location = "singapore" }
  expect_failures = [var.location]
}

run "refuses_a_zone" {
  command = plan
  variables {
    location = "US"
    region   = "us-central1-a"
  }
  expect_failures = [var.region]
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
  variables { region = "asia-east1" }
  expect_failures = [var.region]
}

run "refuses_more_connections_than_the_control_instance_allows" {
  command = plan
  variables {
    control_instance = {}
    max_instances    = 5
  }
  expect_failures = [google_sql_database_instance.control]
}

# When alerts fire, given the schedule.
run "refuses_a_negative_number_of_failed_calls" {
  command = plan
  variables { alert_after = { failed_calls = -1 } }
  expect_failures = [var.alert_after]
}

run "refuses_to_look_back_for_two_days" {
  command = plan
  variables { alert_after = { no_applied_minutes = 2880 } }
  expect_failures = [var.alert_after]
}

run "refuses_to_miss_ticks_before_their_lines_arrive" {
  command = plan
  variables { alert_after = { no_tick_minutes = 19 } }
  expect_failures = [var.alert_after]
}

run "refuses_an_alert_between_hourly_ticks" {
  command = plan
  variables {
    schedule    = "0 * * * *"
    alert_after = { no_tick_minutes = 60 }
  }
  expect_failures = [var.alert_after]
}

run "refuses_an_alert_on_views_at_every_hourly_tick" {
  command = plan
  variables {
    schedule    = "7 * * * *"
    alert_after = { behind_minutes = 30 }
  }
  expect_failures = [var.alert_after]
}

run "refuses_an_alert_in_every_night" {
  command = plan
  variables {
    schedule    = "0 6-20 * * *"
    alert_after = { no_tick_minutes = 560 }
  }
  expect_failures = [var.alert_after]
}

run "refuses_an_alert_on_every_sunday" {
  command = plan
  variables {
    schedule    = "*/5 * * * mon-sat"
    alert_after = { no_tick_minutes = 60 }
  }
  expect_failures = [var.alert_after]
}

# Schedules that are not cron.
run "refuses_a_schedule_with_four_fields" {
  command = plan
  variables { schedule = "* * * *" }
  expect_failures = [var.schedule]
}

run "refuses_a_schedule_with_two_spaces" {
  command = plan
  variables { schedule = "*/5  * * * *" }
  expect_failures = [var.schedule]
}

run "refuses_a_schedule_at_minute_60" {
  command = plan
  variables { schedule = "60 * * * *" }
  expect_failures = [var.schedule]
}

run "refuses_a_schedule_at_hour_24" {
  command = plan
  variables { schedule = "0 24 * * *" }
  expect_failures = [var.schedule]
}

run "refuses_a_schedule_on_day_32" {
  command = plan
  variables { schedule = "0 0 32 * *" }
  expect_failures = [var.schedule]
}

run "refuses_a_schedule_in_month_13" {
  command = plan
  variables { schedule = "0 0 1 13 *" }
  expect_failures = [var.schedule]
}

run "refuses_a_schedule_on_weekday_8" {
  command = plan
  variables { schedule = "0 0 * * 8" }
  expect_failures = [var.schedule]
}

run "refuses_a_schedule_with_a_step_of_99_minutes" {
  command = plan
  variables { schedule = "*/99 * * * *" }
  expect_failures = [var.schedule]
}

run "refuses_a_schedule_with_a_step_of_24_hours" {
  command = plan
  variables { schedule = "0 */24 * * *" }
  expect_failures = [var.schedule]
}

run "refuses_a_schedule_with_a_step_of_13_months" {
  command = plan
  variables { schedule = "0 0 1 */13 *" }
  expect_failures = [var.schedule]
}

run "refuses_a_schedule_with_a_step_of_nothing" {
  command = plan
  variables { schedule = "*/0 * * * *" }
  expect_failures = [var.schedule]
}

run "refuses_a_schedule_with_a_step_from_a_value" {
  command = plan
  variables { schedule = "5/10 * * * *" }
  expect_failures = [var.schedule]
}

run "refuses_a_schedule_with_hours_backwards" {
  command = plan
  variables { schedule = "0 22-5 * * *" }
  expect_failures = [var.schedule]
}

run "refuses_a_schedule_with_months_backwards" {
  command = plan
  variables { schedule = "0 0 1 nov-feb *" }
  expect_failures = [var.schedule]
}

run "refuses_a_schedule_with_weekdays_backwards" {
  command = plan
  variables { schedule = "0 0 * * sat-sun" }
  expect_failures = [var.schedule]
}

# Databases and the network to reach them.
run "refuses_an_instance_of_the_source_without_its_region" {
  command = plan
  variables { source_database = { cloud_sql_instance = "my-project:smartapp" } }
  expect_failures = [var.control_database]
}

run "refuses_a_control_instance_without_its_project" {
  command = plan
  variables { control_database = { cloud_sql_instance = "control" } }
  expect_failures = [var.control_database]
}

run "refuses_an_unknown_ip_type" {
  command = plan
  variables { source_database = { cloud_sql_ip_type = "ANY" } }
  expect_failures = [var.control_database]
}

run "refuses_a_tls_mode_that_may_fall_back" {
  command = plan
  variables { source_database = { tls = "prefer" } }
  expect_failures = [var.control_database]
}

run "refuses_an_authority_by_its_file" {
  command = plan
  variables { source_database = { tls_ca = "ca.pem" } }
  expect_failures = [var.control_database]
}

run "refuses_an_authority_that_is_cut_off" {
  command = plan
  variables { control_database = { tls_ca = "-----BEGIN CERTIFICATE-----" } }
  expect_failures = [var.control_database]
}

run "refuses_an_authority_without_tls" {
  command = plan
  variables { control_database = { tls = "disable", tls_ca = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----" } }
  expect_failures = [var.control_database]
}

run "refuses_two_control_instances" {
  command = plan
  variables {
    control_database = { cloud_sql_instance = "my-project:asia-southeast1:db" }
    control_instance = {}
  }
  expect_failures = [var.control_database]
}

run "refuses_an_eighth_weekday" {
  command = plan
  variables { control_instance = { maintenance_day = 8 } }
  expect_failures = [var.control_instance]
}

run "refuses_a_private_network_by_its_name" {
  command = plan
  variables {
    control_instance = { private_network = "default" }
    vpc              = { connector = "projects/p/locations/asia-southeast1/connectors/c" }
  }
  expect_failures = [var.control_instance]
}

run "refuses_half_a_network" {
  command = plan
  variables { vpc = { network = "default" } }
  expect_failures = [var.vpc]
}

run "refuses_a_network_beside_a_connector" {
  command = plan
  variables { vpc = { connector = "projects/p/locations/asia-southeast1/connectors/c", network = "default" } }
  expect_failures = [var.vpc]
}

run "refuses_a_connector_of_another_region" {
  command = plan
  variables { vpc = { connector = "projects/p/locations/asia-east1/connectors/c" } }
  expect_failures = [var.vpc]
}

run "refuses_a_range_of_256_addresses" {
  command = plan
  variables { vpc = { network = "default", ip_cidr_range = "10.8.0.0/24" } }
  expect_failures = [var.vpc]
}

run "refuses_an_unknown_egress" {
  command = plan
  variables { vpc = { connector = "projects/p/locations/asia-southeast1/connectors/c", egress = "ALL" } }
  expect_failures = [var.vpc]
}

run "refuses_a_control_instance_in_another_network" {
  command = plan
  variables {
    control_instance = { private_network = "projects/my-project/global/networks/databases" }
    vpc              = { network = "default", ip_cidr_range = "10.8.0.0/28" }
  }
  expect_failures = [var.vpc]
}

run "refuses_a_private_address_without_a_network" {
  command = plan
  variables { source_database = { cloud_sql_instance = "my-project:asia-southeast1:db", cloud_sql_ip_type = "PRIVATE" } }
  expect_failures = [var.vpc]
}
