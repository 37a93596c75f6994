# How people reach the page of the operators.
mock_provider "archive" {}
mock_provider "google" {}
mock_provider "time" {}

variables {
  project      = "my-project"
  location     = "asia-southeast1"
  region       = "asia-southeast1"
  alert_emails = ["data-team@example.com"]
}

run "is_closed_until_somebody_is_named" {
  command = plan

  assert {
    condition     = length([for key in keys(google_cloud_run_service_iam_member.invoker) : key if startswith(key, "admin ")]) == 0 && length(google_cloud_run_service_iam_member.admin_viewer) == 0
    error_message = "Nobody may call admin by default."
  }

  assert {
    condition     = google_cloudfunctions2_function.function["admin"].service_config[0].environment_variables["ADMIN_SIGN_IN"] == "iam" && google_cloudfunctions2_function.function["admin"].service_config[0].min_instance_count == 0
    error_message = "Cloud Run checks who asks, and no instance waits."
  }

  assert {
    condition     = length(google_compute_backend_service.admin) == 0 && length(google_compute_global_address.admin) == 0 && length(google_compute_ssl_policy.admin) == 0 && !contains(local.services, "iap.googleapis.com")
    error_message = "Without admin_iap there is no load balancer."
  }

  assert {
    condition     = output.admin.command == "gcloud run services proxy admin --region asia-southeast1 --project my-project --port 8080" && output.admin.url == "http://127.0.0.1:8080"
    error_message = "The output says how to open the page."
  }
}

run "tells_only_admin_who_its_users_are" {
  command = plan

  variables {
    admin_min_instances = 1
    admin_operators     = ["olga@example.com", "otto@example.com"]
    admin_viewers       = ["vera@example.com"]
    invokers            = ["user:ann@example.com"]
  }

  assert {
    condition     = tomap({ for name, value in google_cloudfunctions2_function.function["admin"].service_config[0].environment_variables : name => value if startswith(name, "ADMIN_") }) == tomap({ ADMIN_OPERATORS = "olga@example.com,otto@example.com", ADMIN_SIGN_IN = "iam", ADMIN_VIEWERS = "vera@example.com" })
    error_message = "Admin knows its users by their addresses."
  }

  assert {
    condition     = alltrue([for name, function in google_cloudfunctions2_function.function : name == "admin" || length([for variable in keys(function.service_config[0].environment_variables) : variable if startswith(variable, "ADMIN_")]) == 0])
    error_message = "No other function knows them."
  }

  assert {
    condition     = !contains(keys(google_cloud_run_service_iam_member.invoker), "admin user:ann@example.com") && !contains(keys(google_cloudfunctions2_function_iam_member.viewer), "admin user:ann@example.com")
    error_message = "Who may call the others by hand is no user of admin."
  }

  assert {
    condition     = [for function in ["admin", "extract"] : google_cloudfunctions2_function.function[function].service_config[0].min_instance_count] == [1, 0]
    error_message = "Only instances of admin may wait for a user."
  }
}

run "puts_identity_aware_proxy_in_front_on_request" {
  command = plan

  variables {
    environment     = "test"
    admin_operators = ["olga@example.com"]
    admin_iap       = { domain = "datahub.example.com" }
  }

  assert {
    condition     = [for function in ["admin", "extract"] : google_cloudfunctions2_function.function[function].service_config[0].ingress_settings] == ["ALLOW_INTERNAL_AND_GCLB", "ALLOW_ALL"]
    error_message = "Admin can be reached through the load balancer alone."
  }

  assert {
    condition     = google_compute_backend_service.admin[0].iap[0].enabled && google_compute_backend_service.admin[0].load_balancing_scheme == "EXTERNAL_MANAGED" && google_compute_region_network_endpoint_group.admin[0].cloud_run[0].service == "admin-test"
    error_message = "The load balancer leads to admin, and demands Identity-Aware Proxy."
  }

  assert {
    condition     = google_compute_managed_ssl_certificate.admin[0].managed[0].domains == tolist(["datahub.example.com"]) && google_compute_global_forwarding_rule.admin[0].port_range == "443"
    error_message = "It speaks HTTPS only, under its domain."
  }

  assert {
    condition     = google_compute_ssl_policy.admin[0].min_tls_version == "TLS_1_2" && google_compute_ssl_policy.admin[0].profile == "RESTRICTED"
    error_message = "It speaks no TLS before 1.2, and no weak cipher."
  }

  assert {
    condition     = contains(local.services, "iap.googleapis.com") && contains(local.services, "compute.googleapis.com")
    error_message = "Both APIs are enabled."
  }

  assert {
    condition     = local.environment.ADMIN_SIGN_IN == "iap" && local.function_environment.admin.ADMIN_SIGN_IN == "iap"
    error_message = "Admin verifies the header of Identity-Aware Proxy."
  }
}

run "needs_the_address_of_an_account" {
  command = plan

  variables {
    admin_operators = ["group of operators"]
  }

  expect_failures = [var.admin_operators]
}

run "needs_lower_case" {
  command = plan

  variables {
    admin_viewers = ["Vera@example.com"]
  }

  expect_failures = [var.admin_operators]
}

run "gives_one_role_to_an_account" {
  command = plan

  variables {
    admin_operators = ["olga@example.com"]
    admin_viewers   = ["olga@example.com"]
  }

  expect_failures = [var.admin_operators]
}

run "needs_a_domain" {
  command = plan

  variables {
    admin_iap = { domain = "https://datahub.example.com" }
  }

  expect_failures = [var.admin_iap]
}

run "needs_no_more_instances_than_there_may_be" {
  command = plan

  variables {
    admin_min_instances = 6
  }

  expect_failures = [var.admin_min_instances]
}
