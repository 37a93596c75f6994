# The properties that must not get lost, in a plan with providers that make nothing.
mock_provider "archive" {}
mock_provider "google" {}

variables {
  project      = "my-project"
  location     = "asia-southeast1"
  region       = "asia-southeast1"
  alert_emails = ["data-team@example.com"]
}

run "triggers_are_retried" {
  command = plan

  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.function : function.event_trigger[0].retry_policy == "RETRY_POLICY_RETRY"])
    error_message = "An event whose function fails must be delivered again."
  }

  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.function : function.event_trigger[0].event_type == "google.cloud.pubsub.topic.v1.messagePublished"])
    error_message = "Functions are triggered by Pub/Sub."
  }

  assert {
    condition     = alltrue([for key, function in google_cloudfunctions2_function.function : function.build_config[0].entry_point == key && function.build_config[0].runtime == "nodejs24"])
    error_message = "A function's entry point is its name, its runtime Node 24."
  }
}

run "limits_fit_together" {
  command = plan

  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.function : tonumber(function.service_config[0].environment_variables.TIME_LIMIT_SECONDS) == function.service_config[0].timeout_seconds])
    error_message = "The functions must know the time limit that they are deployed with."
  }

  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.function : function.service_config[0].max_instance_request_concurrency == 1])
    error_message = "An instance serves one request at a time."
  }
}

run "rights_are_narrow" {
  command = plan

  assert {
    condition     = alltrue([for right in values(google_pubsub_topic_iam_member.publisher) : right.role == "roles/pubsub.publisher"])
    error_message = "Functions publish, and no more."
  }

  assert {
    condition     = toset(keys(google_secret_manager_secret_iam_member.accessor)) == toset(["extract control", "extract source", "merge control", "stream control"])
    error_message = "Only extract may read the source's secret."
  }

  assert {
    condition     = toset(keys(google_cloud_run_service_iam_member.invoker)) == toset(["extract trigger", "merge trigger", "stream trigger"])
    error_message = "Only the triggers may call, and whoever is named."
  }

  assert {
    condition     = toset(keys(google_bigquery_dataset_access.function)) == toset(["extract target", "extract temp", "extract view", "merge target", "merge temp", "stream target"])
    error_message = "Each function writes only the datasets that it must."
  }
}

run "data_are_protected" {
  command = plan

  assert {
    condition     = alltrue([for dataset in google_bigquery_dataset.dataset : !dataset.delete_contents_on_destroy])
    error_message = "A dataset with tables must not be removed."
  }

  assert {
    condition     = google_storage_bucket.staging.public_access_prevention == "enforced" && google_storage_bucket.staging.uniform_bucket_level_access && !google_storage_bucket.staging.force_destroy
    error_message = "The staging bucket is not public, and not removed with its objects."
  }

  assert {
    condition     = one([for rule in google_storage_bucket.staging.lifecycle_rule : one(rule.condition).age if one(rule.action).type == "Delete"]) == 14
    error_message = "Staged objects are removed after 14 days."
  }

  assert {
    condition     = !contains(one([for rule in google_storage_bucket.staging.lifecycle_rule : one(rule.condition).matches_suffix if one(rule.action).type == "Delete"]), "last-batch")
    error_message = "The numbers of streamed views must stay."
  }

  assert {
    condition     = google_pubsub_subscription.dead_letter.message_retention_duration == "2678400s" && google_pubsub_subscription.dead_letter.expiration_policy[0].ttl == ""
    error_message = "Dead letters are kept for 31 days, their subscription for ever."
  }
}

run "a_control_instance_is_backed_up_and_protected" {
  command = plan

  variables {
    control_instance = {}
  }

  assert {
    condition     = google_sql_database_instance.control[0].deletion_protection && google_sql_database_instance.control[0].settings[0].backup_configuration[0].point_in_time_recovery_enabled
    error_message = "The control database can be restored to any second, and is not removed by accident."
  }
}

run "alerts_reach_somebody" {
  command = plan

  assert {
    condition     = toset(concat(keys(google_monitoring_alert_policy.log), keys(google_monitoring_alert_policy.metric))) == toset(["abandoned_batches", "dead_letter", "failed_batch", "floor_stuck", "function_errors", "halted_view", "lag", "no_applied_batch", "no_tick", "refused"])
    error_message = "Every alert of OPERATIONS.md is there."
  }

  assert {
    condition     = length(google_monitoring_notification_channel.email) == 1
    error_message = "Every address is a channel."
  }
}

run "a_budget_is_made_when_it_is_asked_for" {
  command = plan

  variables {
    budget = { billing_account = "012345-6789AB-CDEF01", amount = 50, currency = "EUR" }
  }

  assert {
    condition     = one(one(google_billing_budget.monthly[0].amount).specified_amount).units == "50"
    error_message = "The budget is what was asked for."
  }
}
