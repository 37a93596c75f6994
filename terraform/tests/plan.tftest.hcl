# The properties that must not get lost, in a plan with providers that make nothing.
mock_provider "archive" {}
mock_provider "google" {}
mock_provider "time" {}

variables {
  project      = "my-project"
  location     = "asia-southeast1"
  region       = "asia-southeast1"
  alert_emails = ["data-team@example.com"]
}

run "triggers_are_retried" {
  command = plan

  assert {
    condition     = alltrue([for name, function in google_cloudfunctions2_function.function : name == "admin" ? length(function.event_trigger) == 0 : function.event_trigger[0].retry_policy == "RETRY_POLICY_RETRY"])
    error_message = "An event whose function fails must be delivered again; nothing triggers admin."
  }

  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.function : alltrue([for trigger in function.event_trigger : trigger.event_type == "google.cloud.pubsub.topic.v1.messagePublished"])])
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
    condition     = alltrue([for name, function in google_cloudfunctions2_function.function : function.service_config[0].max_instance_request_concurrency == (name == "admin" ? 20 : 1)])
    error_message = "An instance serves one batch at a time, and many requests for pages."
  }

  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.function : function.service_config[0].available_memory == "512Mi" && function.service_config[0].environment_variables.NODE_OPTIONS == "--max-semi-space-size=2"])
    error_message = "The functions have the memory that was measured, with the setting that it was measured with."
  }

  assert {
    condition     = alltrue([for name, function in google_cloudfunctions2_function.function : function.service_config[0].environment_variables == tomap(local.function_environment[name])])
    error_message = "Each function has the environment that is made for it."
  }
}

run "rights_are_narrow" {
  command = plan

  assert {
    condition = alltrue(concat(
      [for right in google_pubsub_topic_iam_member.publisher : right.role == "roles/pubsub.publisher"],
      [for right in google_pubsub_topic_iam_member.viewer : right.role == "roles/pubsub.viewer"],
      [for right in google_secret_manager_secret_iam_member.accessor : right.role == "roles/secretmanager.secretAccessor"],
      [for right in google_bigquery_dataset_access.function : right.role == "WRITER"],
      [for right in google_bigquery_dataset_access.reading_function : right.role == "READER"],
      [for right in google_storage_bucket_iam_member.reports : right.role == "roles/storage.objectCreator"],
      [for right in google_project_iam_member.job_user : right.role == "roles/bigquery.jobUser"],
      [for right in google_cloud_run_service_iam_member.invoker : right.role == "roles/run.invoker"],
    ))
    error_message = "Each right is the one it is named for."
  }

  assert {
    condition     = toset(keys(google_pubsub_topic_iam_member.publisher)) == toset(["admin extract", "admin merge", "admin reconcile", "admin stream", "extract dead_letter", "extract extract", "extract merge", "extract reconcile", "extract stream", "merge dead_letter", "merge extract", "merge merge", "reconcile dead_letter", "reconcile extract", "reconcile reconcile", "stream dead_letter", "stream extract", "stream stream"])
    error_message = "Extract hands batches to both and goes on with checks, and each asks for its own continuation and for a new capture."
  }

  assert {
    condition     = toset(keys(google_pubsub_topic_iam_member.viewer)) == toset(["extract dead_letter", "extract extract", "extract merge", "extract reconcile", "extract stream"])
    error_message = "The preflight, which is extract's, sees whether each topic exists."
  }

  assert {
    condition     = toset(keys(google_project_iam_member.job_user)) == toset(["admin", "extract", "merge", "reconcile", "stream"])
    error_message = "Each function runs jobs in BigQuery."
  }

  assert {
    condition     = toset(keys(google_storage_bucket_iam_member.staging)) == toset(["admin roles/storage.objectViewer", "extract roles/storage.legacyBucketReader", "extract roles/storage.objectUser", "merge roles/storage.legacyBucketReader", "merge roles/storage.objectViewer", "stream roles/storage.legacyBucketReader", "stream roles/storage.objectViewer"])
    error_message = "Extract writes staged objects; merge, stream and admin read them."
  }

  assert {
    condition     = { for function, right in google_storage_bucket_iam_member.reports : function => right.condition[0].expression } == { reconcile = "resource.name.startsWith(\"projects/_/buckets/my-project-cdc-staging/objects/reports/\")" }
    error_message = "Reconcile creates reports, and no other object."
  }

  assert {
    condition     = toset(keys(google_bigquery_dataset_access.reading_function)) == toset(["admin target", "reconcile target"])
    error_message = "Admin and reconcile read the targets, and write none."
  }

  assert {
    condition     = length(google_project_iam_member.cloud_sql_client) == 0
    error_message = "Without Cloud SQL, nobody may connect to it."
  }

  assert {
    condition     = google_artifact_registry_repository_iam_member.build.role == "roles/artifactregistry.writer" && google_project_iam_member.build_log_writer.role == "roles/logging.logWriter" && google_project_iam_member.build_source_reader.role == "roles/storage.objectViewer"
    error_message = "A build writes images and its log, and reads the archive."
  }

  assert {
    condition     = google_project_iam_member.build_source_reader.condition[0].expression == "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-\") || resource.name.startsWith(\"projects/_/buckets/gcf-v2-uploads-\") || resource.name.startsWith(\"projects/_/buckets/run-sources-\") || resource.name.startsWith(\"projects/_/buckets/my-project-cdc-source/\")"
    error_message = "A build reads sources, and no staged rows."
  }

  assert {
    condition     = time_sleep.build_rights.create_duration == "90s"
    error_message = "The first build waits for its rights."
  }

  assert {
    condition     = toset(keys(google_secret_manager_secret_iam_member.accessor)) == toset(["admin control", "admin source", "extract control", "extract source", "merge control", "reconcile control", "reconcile source", "stream control"])
    error_message = "Only admin, extract and reconcile may read the source's secret."
  }

  assert {
    condition     = toset(keys(google_cloud_run_service_iam_member.invoker)) == toset(["extract trigger", "merge trigger", "reconcile trigger", "stream trigger"])
    error_message = "Only the triggers and the named members may call."
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
    condition     = one([for rule in google_storage_bucket.staging.lifecycle_rule : one(rule.condition).matches_suffix if one(rule.action).type == "Delete"]) == tolist([".avro", ".pb.zst", ".ndjson.gz", "manifest.json"])
    error_message = "Reports go with the staged objects, and the numbers of streamed views must stay."
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

run "the_right_to_connect_is_given_for_one_instance" {
  command = plan

  variables {
    control_instance = {}
  }

  assert {
    condition     = toset(keys(google_project_iam_member.cloud_sql_client)) == toset(["admin control", "extract control", "merge control", "reconcile control", "stream control"])
    error_message = "Every function reaches the control database, and the source is no instance here."
  }

  assert {
    condition     = alltrue([for right in google_project_iam_member.cloud_sql_client : right.project == "my-project" && right.role == "roles/cloudsql.client" && right.condition[0].expression == "resource.type == \"sqladmin.googleapis.com/Instance\" && resource.name == \"projects/my-project/instances/cdc-control\""])
    error_message = "The condition leaves that one instance."
  }
}

run "ticks_come_on_schedule" {
  command = plan

  variables {
    schedule           = "7 * * * *"
    schedule_time_zone = "Asia/Bangkok"
  }

  assert {
    condition     = google_cloud_scheduler_job.tick.schedule == "7 * * * *" && google_cloud_scheduler_job.tick.time_zone == "Asia/Bangkok" && google_cloud_scheduler_job.tick.paused == false
    error_message = "Ticks come when the schedule says, unless they are stopped."
  }
}

run "views_are_checked_at_night" {
  command = plan

  variables {
    schedule_time_zone = "Asia/Bangkok"
  }

  assert {
    condition     = [for job in google_cloud_scheduler_job.reconcile : [job.schedule, job.time_zone, job.paused]] == [["30 1 * * *", "Asia/Bangkok", false]]
    error_message = "Every night, by the clock of the schedule."
  }

  assert {
    condition     = [for job in google_cloud_scheduler_job.reconcile : jsondecode(base64decode(job.pubsub_target[0].data))] == [{ trigger = "scheduler" }]
    error_message = "The message asks for every view."
  }
}

run "views_are_checked_when_it_is_wanted" {
  command = plan

  variables {
    reconcile_schedule = "0 4 * * sun"
  }

  assert {
    condition     = [for job in google_cloud_scheduler_job.reconcile : job.schedule] == ["0 4 * * sun"]
    error_message = "Checks come when reconcile_schedule says."
  }
}

run "views_are_checked_by_hand_only_on_request" {
  command = plan

  variables {
    reconcile_schedule = null
  }

  assert {
    condition     = length(google_cloud_scheduler_job.reconcile) == 0 && contains(keys(google_cloudfunctions2_function.function), "reconcile")
    error_message = "The function stays, and nothing calls it by itself."
  }
}

run "ticks_are_paused_on_request" {
  command = plan

  variables {
    schedule_paused = true
  }

  assert {
    condition     = google_cloud_scheduler_job.tick.paused == true && google_cloud_scheduler_job.reconcile[0].paused == true
    error_message = "No ticks and no checks come while they are paused."
  }

  assert {
    condition     = contains(keys(google_monitoring_alert_policy.alert), "no_tick")
    error_message = "A schedule that stays paused is an alert."
  }
}

run "functions_reach_what_they_should" {
  command = plan

  variables {
    ingress = "ALLOW_INTERNAL_ONLY"
    vpc     = { network = "default", ip_cidr_range = "10.8.0.0/28" }
  }

  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.function : function.service_config[0].vpc_connector_egress_settings == "PRIVATE_RANGES_ONLY"])
    error_message = "Only private addresses are reached through the connector."
  }

  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.function : function.service_config[0].ingress_settings == "ALLOW_INTERNAL_ONLY"])
    error_message = "The functions can be called from where ingress says."
  }
}

run "alerts_reach_somebody" {
  command = plan

  variables {
    alert_emails   = ["data-team@example.com", "on-call@example.com"]
    alert_channels = ["projects/my-project/notificationChannels/7"]
  }

  assert {
    condition     = toset(keys(google_monitoring_alert_policy.alert)) == toset(["abandoned_batches", "bad_keys", "changed_target", "dead_letter", "failed_batch", "failed_check", "failed_page", "floor_stuck", "function_errors", "halted_view", "lag", "no_applied_batch", "no_tick", "over_budget", "refused", "refused_reporting_view", "replaced_values", "resync_advised", "view_differs"])
    error_message = "Every alert of docs/operations.md is there."
  }

  assert {
    condition     = toset([for channel in google_monitoring_notification_channel.email : channel.labels.email_address]) == var.alert_emails
    error_message = "Every address is a channel."
  }

  assert {
    condition     = alltrue([for alert in google_monitoring_alert_policy.alert : length(alert.notification_channels) == 3 && alert.combiner == "OR"])
    error_message = "Every alert goes to every channel."
  }
}

run "alerts_fire_when_they_should" {
  command = plan

  assert {
    condition = alltrue([
      for name, alert in local.log_alerts :
      google_monitoring_alert_policy.alert[name].conditions[0].condition_matched_log[0].filter == "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=(\"admin\" OR \"extract\" OR \"merge\" OR \"reconcile\" OR \"stream\") AND ${alert.filter}"
    ])
    error_message = "Alerts on lines see those of our functions only."
  }

  assert {
    condition     = alltrue([for alert in google_monitoring_alert_policy.alert : contains(["ERROR", "WARNING"], alert.severity) && length(alert.conditions) == 1 && length(concat(alert.conditions[0].condition_matched_log, alert.conditions[0].condition_threshold, alert.conditions[0].condition_prometheus_query_language)) == 1])
    error_message = "Every alert has a severity and one condition."
  }

  assert {
    condition = [for condition in google_monitoring_alert_policy.alert["function_errors"].conditions[0].condition_threshold : [
      condition.filter, condition.comparison, condition.threshold_value, condition.duration, condition.evaluation_missing_data,
      condition.aggregations[0].alignment_period, condition.aggregations[0].per_series_aligner, condition.aggregations[0].cross_series_reducer,
      ]] == [[
      "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=one_of(\"admin\",\"extract\",\"merge\",\"reconcile\",\"stream\") AND metric.type=\"run.googleapis.com/request_count\" AND metric.labels.response_code_class=\"5xx\"",
      "COMPARISON_GT", 20, "60s", "EVALUATION_MISSING_DATA_INACTIVE",
      "900s", "ALIGN_SUM", "REDUCE_SUM",
    ]]
    error_message = "More than 20 answers 5xx in 15 minutes; none is no fault."
  }

  assert {
    condition = { for name in ["no_applied_batch", "no_tick"] : name => [for condition in google_monitoring_alert_policy.alert[name].conditions[0].condition_prometheus_query_language : [condition.query, condition.duration, condition.evaluation_interval, condition.disable_metric_validation]] } == {
      no_applied_batch = [["(sum(increase({\"logging.googleapis.com/user/cdc_liveness\", monitored_resource=\"cloud_run_revision\"}[15m])) or vector(0)) <= 0", "6300s", "60s", true]]
      no_tick          = [["(sum(increase({\"logging.googleapis.com/user/cdc_views_checked\", monitored_resource=\"cloud_run_revision\"}[15m])) or vector(0)) <= 0", "900s", "60s", true]]
    }
    error_message = "Nothing for 120 minutes, nothing for 30: also when there never was anything, and before the metrics are known."
  }
}

run "metrics_are_counted_in_our_functions" {
  command = plan

  variables {
    environment = "test"
  }

  assert {
    condition     = alltrue([for name, metric in google_logging_metric.metric : metric.filter == "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=(\"admin-test\" OR \"extract-test\" OR \"merge-test\" OR \"reconcile-test\" OR \"stream-test\") AND ${local.log_metrics[name].filter}" && metric.name == "cdc_${name}-test"])
    error_message = "The lines of another installation are not counted."
  }

  assert {
    condition     = alltrue([for name, metric in local.log_metrics : jsonencode(google_logging_metric.metric[name].label_extractors) == jsonencode(metric.labels) && (metric.value == null ? true : google_logging_metric.metric[name].value_extractor == metric.value)])
    error_message = "Labels and values come from where log_metrics says."
  }

  assert {
    condition     = { for name, metric in google_logging_metric.metric : name => [metric.metric_descriptor[0].metric_kind, metric.metric_descriptor[0].value_type] } == { for name, metric in local.log_metrics : name => ["DELTA", contains(["behind_seconds", "differences", "lag_milliseconds"], name) ? "DISTRIBUTION" : "INT64"] }
    error_message = "What is charted as a percentile is a distribution."
  }
}

run "the_dashboard_stays_as_it_is_given" {
  command = plan

  variables {
    environment = "test"
  }

  assert {
    condition     = length(regexall("[:\\[,](0|null|false|\"\"|\\[\\]|\\{\\})[,}\\]]", google_monitoring_dashboard.overview.dashboard_json)) == 0
    error_message = "What the API drops, zeros and what is empty, would be planned again for ever."
  }

  assert {
    condition     = [for tile in jsondecode(google_monitoring_dashboard.overview.dashboard_json).mosaicLayout.tiles : [try(tile.xPos, 0), try(tile.yPos, 0)]] == [for index in range(11) : [index % 2 * 6, floor(index / 2) * 4]]
    error_message = "Two charts in a row, none over another."
  }

  assert {
    condition = alltrue([
      for tile in jsondecode(google_monitoring_dashboard.overview.dashboard_json).mosaicLayout.tiles :
      length(regexall("service_name=one_of\\(\"admin-test\",\"extract-test\",\"merge-test\",\"reconcile-test\",\"stream-test\"\\)|subscription_id=\"cdc-dead-letter-test-kept\"", tile.widget.xyChart.dataSets[0].timeSeriesQuery.timeSeriesFilter.filter)) == 1
    ])
    error_message = "Every chart shows this installation only."
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
