locals {
  operations = "OPERATIONS.md of the repository, section"
  channels   = concat([for channel in google_monitoring_notification_channel.email : channel.id], var.alert_channels)

  # Alerts on what came more than `above` times within so many minutes; null: on what did not come at all.
  metric_alerts = {
    function_errors = {
      title    = "functions fail again and again"
      section  = "function-errors"
      filter   = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=one_of(${join(",", [for function in keys(local.functions) : "\"${function}${local.suffix}\""])}) AND metric.type=\"run.googleapis.com/request_count\" AND metric.labels.response_code_class=\"5xx\""
      above    = var.alert_after.failed_calls
      minutes  = 15
      advice   = "Read the functions' last errors; whatever fails is delivered again until it succeeds."
      severity = "ERROR"
    }
    no_applied_batch = {
      title    = "no batch was applied for long"
      section  = "no-applied-batch"
      filter   = "resource.type=\"cloud_run_revision\" AND metric.type=\"logging.googleapis.com/user/${google_logging_metric.metric["applied_batches"].name}\""
      above    = null
      minutes  = var.alert_after.no_applied_minutes
      advice   = "See whether the application changed anything at all, and whether the schedule, a view or the project was stopped."
      severity = "WARNING"
    }
    no_tick = {
      title    = "no tick was seen"
      section  = "no-tick"
      filter   = "resource.type=\"cloud_run_revision\" AND metric.type=\"logging.googleapis.com/user/${google_logging_metric.metric["looked_at_views"].name}\""
      above    = null
      minutes  = var.alert_after.no_tick_minutes
      advice   = "See whether the schedule is paused, whether extract starts at all, and whether a view is enabled."
      severity = "ERROR"
    }
  }
}

resource "google_monitoring_notification_channel" "email" {
  for_each = var.alert_emails

  display_name = "SMart DataHub${local.suffix}: ${each.key}"
  type         = "email"
  labels       = { email_address = each.key }
  user_labels  = local.labels

  depends_on = [google_project_service.required]
}

resource "google_monitoring_alert_policy" "log" {
  for_each = local.log_alerts

  display_name          = "SMart DataHub${local.suffix}: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels
  user_labels           = local.labels

  conditions {
    display_name = each.value.title

    condition_matched_log {
      filter           = "${local.log_scope} AND ${each.value.filter}"
      label_extractors = each.value.labels
    }
  }

  alert_strategy {
    auto_close = "86400s"

    notification_rate_limit {
      period = "3600s"
    }
  }

  documentation {
    subject   = "SMart DataHub${local.suffix}: ${each.value.title}"
    content   = "${each.value.advice} More: ${local.operations} #${each.value.section}."
    mime_type = "text/markdown"
  }

  depends_on = [google_project_service.required]
}

# A metric that was just made is not known to Cloud Monitoring at once: these alerts wait until the functions are there.
resource "google_monitoring_alert_policy" "metric" {
  for_each = local.metric_alerts

  display_name          = "SMart DataHub${local.suffix}: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels
  user_labels           = local.labels

  conditions {
    display_name = each.value.title

    condition_threshold {
      filter                  = each.value.filter
      comparison              = each.value.above == null ? "COMPARISON_LT" : "COMPARISON_GT"
      threshold_value         = each.value.above == null ? 1 : each.value.above
      duration                = "60s"
      evaluation_missing_data = each.value.above == null ? "EVALUATION_MISSING_DATA_ACTIVE" : "EVALUATION_MISSING_DATA_INACTIVE"

      aggregations {
        alignment_period     = "${each.value.minutes * 60}s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }

  documentation {
    subject   = "SMart DataHub${local.suffix}: ${each.value.title}"
    content   = "${each.value.advice} More: ${local.operations} #${each.value.section}."
    mime_type = "text/markdown"
  }

  depends_on = [google_cloudfunctions2_function.function]
}
