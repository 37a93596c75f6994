# Checks which resources refer to which. During a plan, the mock provider makes up values that only Google knows, such as ids and addresses.
mock_provider "archive" {}
mock_provider "time" {}
mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456" }
  }
  mock_resource "google_compute_backend_service" {
    defaults        = { generated_id = 987654 }
    override_during = plan
  }
  mock_resource "google_compute_ssl_policy" {
    defaults        = {}
    override_during = plan
  }
  mock_resource "google_monitoring_notification_channel" {
    defaults        = {}
    override_during = plan
  }
  mock_resource "google_pubsub_topic" {
    defaults        = {}
    override_during = plan
  }
  mock_resource "google_secret_manager_secret" {
    defaults        = {}
    override_during = plan
  }
  mock_resource "google_service_account" {
    defaults        = {}
    override_during = plan
  }
}

variables {
  project        = "my-project"
  location       = "asia-southeast1"
  region         = "asia-southeast1"
  alert_emails   = ["data-team@example.com", "on-call@example.com"]
  alert_channels = ["projects/my-project/notificationChannels/7"]
  invokers       = ["user:ann@example.com"]
}

run "events_reach_the_right_function" {
  command = plan

  assert {
    condition     = length(distinct([for topic in google_pubsub_topic.topic : topic.id])) == 5
    error_message = "Every topic must have a distinct id, or the next assertions prove nothing."
  }

  assert {
    condition     = google_cloud_scheduler_job.tick.pubsub_target[0].topic_name == google_pubsub_topic.topic["extract"].id
    error_message = "Ticks must go to extract."
  }

  assert {
    condition     = google_cloud_scheduler_job.reconcile[0].pubsub_target[0].topic_name == google_pubsub_topic.topic["reconcile"].id
    error_message = "Requests for checks must go to reconcile."
  }

  assert {
    condition     = google_pubsub_subscription.dead_letter.topic == google_pubsub_topic.topic["dead_letter"].id
    error_message = "The subscription that keeps dead letters must belong to their topic."
  }

  assert {
    condition     = { for name, function in google_cloudfunctions2_function.function : name => function.event_trigger[0].pubsub_topic if length(function.event_trigger) > 0 } == { for name in ["extract", "merge", "reconcile", "stream"] : name => google_pubsub_topic.topic[name].id }
    error_message = "Each function must listen to the topic of its name."
  }
}

run "each_component_has_its_own_identity" {
  command = plan

  assert {
    condition     = length(distinct(concat([for account in google_service_account.function : account.email], [google_service_account.build.email, google_service_account.trigger.email]))) == 7
    error_message = "Every function, the trigger and the build must each have an identity of their own."
  }

  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.function : alltrue([for trigger in function.event_trigger : trigger.service_account_email == google_service_account.trigger.email])])
    error_message = "The trigger's account must deliver the messages."
  }

  assert {
    condition     = alltrue([for name, function in google_cloudfunctions2_function.function : function.service_config[0].service_account_email == google_service_account.function[name].email])
    error_message = "Each function must run as its own account."
  }

  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.function : function.build_config[0].service_account == google_service_account.build.id])
    error_message = "The build's account must build the images."
  }

  assert {
    condition = alltrue(concat(
      [for key, right in google_pubsub_topic_iam_member.publisher : right.member == "serviceAccount:${google_service_account.function[split(" ", key)[0]].email}" && right.topic == google_pubsub_topic.topic[split(" ", key)[1]].name],
      [for key, right in google_pubsub_topic_iam_member.viewer : right.member == "serviceAccount:${google_service_account.function[split(" ", key)[0]].email}" && right.topic == google_pubsub_topic.topic[split(" ", key)[1]].name],
      [for key, right in google_storage_bucket_iam_member.staging : right.member == "serviceAccount:${google_service_account.function[split(" ", key)[0]].email}" && right.role == split(" ", key)[1]],
      [for key, right in google_secret_manager_secret_iam_member.accessor : right.member == "serviceAccount:${google_service_account.function[split(" ", key)[0]].email}" && right.secret_id == google_secret_manager_secret.database_url[split(" ", key)[1]].id],
      [for key, right in google_bigquery_dataset_access.function : right.user_by_email == google_service_account.function[split(" ", key)[0]].email && right.dataset_id == google_bigquery_dataset.dataset[split(" ", key)[1]].dataset_id],
      [for key, right in google_bigquery_dataset_access.reading_function : right.user_by_email == google_service_account.function[split(" ", key)[0]].email && right.dataset_id == google_bigquery_dataset.dataset[split(" ", key)[1]].dataset_id],
      [for key, right in google_storage_bucket_iam_member.reports : right.member == "serviceAccount:${google_service_account.function[key].email}"],
      [for key, right in google_project_iam_member.job_user : right.member == "serviceAccount:${google_service_account.function[key].email}"],
      [for key, right in google_cloud_run_service_iam_member.invoker : right.service == split(" ", key)[0] && right.member == (endswith(key, "trigger") ? "serviceAccount:${google_service_account.trigger.email}" : split(" ", key)[1])],
    ))
    error_message = "Each permission must belong to the function and the resource that its key names."
  }

  assert {
    condition = alltrue([
      for right in [google_artifact_registry_repository_iam_member.build, google_project_iam_member.build_log_writer, google_project_iam_member.build_source_reader] :
      right.member == "serviceAccount:${google_service_account.build.email}"
    ])
    error_message = "The build's permissions must belong to the build's account."
  }
}

run "people_get_only_their_permissions" {
  command = plan

  variables {
    admin_operators = ["olga@example.com"]
    admin_viewers   = ["vera@example.com", "robot@my-project.iam.gserviceaccount.com"]
    analyst_groups  = ["analysts@example.com"]
  }

  assert {
    condition     = toset(keys(google_cloud_run_service_iam_member.invoker)) == toset(concat(flatten([for function in ["extract", "merge", "reconcile", "stream"] : ["${function} trigger", "${function} user:ann@example.com"]]), ["admin serviceAccount:robot@my-project.iam.gserviceaccount.com", "admin user:olga@example.com", "admin user:vera@example.com"]))
    error_message = "Only the trigger and the members in invokers may call the functions, and only the users of admin that one."
  }

  assert {
    condition     = { for key, right in google_cloudfunctions2_function_iam_member.viewer : key => [right.role, right.member, right.cloud_function] } == { for function in ["extract", "merge", "reconcile", "stream"] : "${function} user:ann@example.com" => ["roles/cloudfunctions.viewer", "user:ann@example.com", function] }
    error_message = "Members who may call a function must also be able to see it."
  }

  assert {
    condition     = { for key, right in google_cloud_run_service_iam_member.admin_viewer : key => [right.role, right.service] } == { for member in ["serviceAccount:robot@my-project.iam.gserviceaccount.com", "user:olga@example.com", "user:vera@example.com"] : member => ["roles/run.viewer", "admin"] }
    error_message = "The proxy of gcloud looks the service up as its user."
  }

  assert {
    condition     = [for right in google_bigquery_dataset_access.analysts : [right.dataset_id, right.role, right.group_by_email]] == [["View_SMartData", "READER", "analysts@example.com"]]
    error_message = "Analysts must be able to read the reporting views and nothing else."
  }

  assert {
    condition     = google_bigquery_dataset_access.reporting_views.dataset_id == "SMartDataAnalytics" && google_bigquery_dataset_access.reporting_views.dataset[0].dataset[0].dataset_id == "View_SMartData"
    error_message = "The reporting views must be able to read the targets."
  }
}

run "every_alert_reaches_every_channel" {
  command = plan

  assert {
    condition     = alltrue([for alert in google_monitoring_alert_policy.alert : toset(alert.notification_channels) == toset(concat([for channel in google_monitoring_notification_channel.email : channel.id], var.alert_channels)) && length(alert.notification_channels) == 3])
    error_message = "Every alert must notify both addresses and the channel."
  }
}

run "identity_aware_proxy_is_the_only_caller_of_admin" {
  command = plan

  variables {
    admin_operators = ["olga@example.com"]
    admin_viewers   = ["vera@example.com"]
    admin_iap       = { domain = "datahub.example.com" }
  }

  assert {
    condition     = { for key, right in google_cloud_run_service_iam_member.invoker : key => right.member if startswith(key, "admin ") } == { "admin iap" = "serviceAccount:service-123456@gcp-sa-iap.iam.gserviceaccount.com" } && length(google_cloud_run_service_iam_member.admin_viewer) == 0
    error_message = "Nobody reaches the function around Identity-Aware Proxy."
  }

  assert {
    condition     = [for name, function in google_cloudfunctions2_function.function : "${name} ${function.service_config[0].environment_variables["ADMIN_IAP_AUDIENCE"]}" if contains(keys(function.service_config[0].environment_variables), "ADMIN_IAP_AUDIENCE")] == ["admin /projects/123456/global/backendServices/987654"]
    error_message = "The function must know the audience of its own backend service."
  }

  assert {
    condition     = { for key, right in google_iap_web_backend_service_iam_member.admin : key => [right.role, right.web_backend_service] } == { for member in ["user:olga@example.com", "user:vera@example.com"] : member => ["roles/iap.httpsResourceAccessor", "cdc-admin"] }
    error_message = "Only the users of admin pass Identity-Aware Proxy."
  }

  assert {
    condition     = google_compute_target_https_proxy.admin[0].ssl_policy == google_compute_ssl_policy.admin[0].id
    error_message = "The load balancer must speak TLS as its policy says."
  }
}
