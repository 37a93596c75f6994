locals {
  operations = "docs/operations.md in the repository, section"
  channels   = concat([for channel in google_monitoring_notification_channel.email : channel.id], var.alert_channels)

  # Cloud Monitoring evaluates at most one day of points.
  look_back_minutes = 1410

  # The schedule decides every limit that var.alert_after leaves out. An alert on something missing is itself left out (null) if the
  # schedule pauses for longer than Cloud Monitoring looks back.
  rest_minutes = coalesce(local.schedule_rest_minutes, 1440)
  alert_after = {
    behind_minutes     = coalesce(var.alert_after.behind_minutes, min(local.rest_minutes + 25, 1440))
    failed_calls       = var.alert_after.failed_calls
    no_applied_minutes = var.alert_after.no_applied_minutes != null ? var.alert_after.no_applied_minutes : local.rest_minutes + 115 > local.look_back_minutes ? null : local.rest_minutes + 115
    no_tick_minutes    = var.alert_after.no_tick_minutes != null ? var.alert_after.no_tick_minutes : local.rest_minutes + 25 > local.look_back_minutes ? null : local.rest_minutes + 25
  }

  # These alerts fire if a metric counts more than `above` within `minutes`.
  count_alerts = {
    function_errors = {
      title    = "functions keep failing"
      section  = "function-errors"
      filter   = "${local.metric_scope} AND metric.type=\"run.googleapis.com/request_count\" AND metric.labels.response_code_class=\"5xx\""
      above    = local.alert_after.failed_calls
      minutes  = 15
      advice   = "Read the latest errors of the functions. Pub/Sub delivers a failed event again until it succeeds."
      severity = "ERROR"
    }
  }

  # These alerts fire if a metric counts nothing for `minutes`, even if it never counted anything. Both kinds of missing-data conditions
  # only know time series that existed before, so they would stay silent in an installation that never started; PromQL counts a missing
  # series as 0. `metric` is a key of log_metrics. A night or a Sunday without changes does not fire an alert: a view that a tick finds
  # up to date counts as well.
  absence_alerts = {
    no_applied_batch = {
      title    = "no batch was applied and no view was up to date"
      section  = "no-applied-batch"
      metric   = "liveness"
      minutes  = local.alert_after.no_applied_minutes
      advice   = "Check whether ticks arrive, whether a view is enabled, and what keeps its batches from being applied."
      severity = "WARNING"
    }
    no_tick = {
      title    = "no tick arrived"
      section  = "no-tick"
      metric   = "views_checked"
      minutes  = local.alert_after.no_tick_minutes
      advice   = "Check whether the schedule is paused, whether extract starts, and whether a view is enabled."
      severity = "ERROR"
    }
  }

  # A log line becomes a point of its metric with a delay of up to some minutes. A shorter window would miss it.
  absence_window_minutes = 15

  alerts = {
    for name, alert in merge(local.log_alerts, local.count_alerts, { for name, alert in local.absence_alerts : name => alert if alert.minutes != null }) :
    name => { title = alert.title, section = alert.section, advice = alert.advice, severity = alert.severity }
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

resource "google_monitoring_alert_policy" "alert" {
  for_each = local.alerts

  display_name          = "SMart DataHub${local.suffix}: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels
  user_labels           = local.labels

  conditions {
    display_name = each.value.title

    dynamic "condition_matched_log" {
      for_each = [for name, alert in local.log_alerts : alert if name == each.key]
      content {
        filter           = "${local.log_scope} AND ${condition_matched_log.value.filter}"
        label_extractors = condition_matched_log.value.labels
      }
    }

    dynamic "condition_threshold" {
      for_each = [for name, alert in local.count_alerts : alert if name == each.key]
      content {
        filter                  = condition_threshold.value.filter
        comparison              = "COMPARISON_GT"
        threshold_value         = condition_threshold.value.above
        duration                = "60s"
        evaluation_missing_data = "EVALUATION_MISSING_DATA_INACTIVE"

        aggregations {
          alignment_period     = "${condition_threshold.value.minutes * 60}s"
          per_series_aligner   = "ALIGN_SUM"
          cross_series_reducer = "REDUCE_SUM"
        }
      }
    }

    # Cloud Monitoring does not know a log-based metric until some minutes after its creation. Until then it counts as 0.
    dynamic "condition_prometheus_query_language" {
      for_each = [for name, alert in local.absence_alerts : alert if name == each.key]
      content {
        query                     = "(sum(increase({\"logging.googleapis.com/user/${google_logging_metric.metric[condition_prometheus_query_language.value.metric].name}\", monitored_resource=\"cloud_run_revision\"}[${local.absence_window_minutes}m])) or vector(0)) <= 0"
        duration                  = "${(condition_prometheus_query_language.value.minutes - local.absence_window_minutes) * 60}s"
        evaluation_interval       = "60s"
        disable_metric_validation = true
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"

    dynamic "notification_rate_limit" {
      for_each = [for name in keys(local.log_alerts) : name if name == each.key]
      content {
        period = "3600s"
      }
    }
  }

  documentation {
    subject   = "SMart DataHub${local.suffix}: ${each.value.title}"
    content   = "${each.value.advice} More: ${local.operations} #${each.value.section}."
    mime_type = "text/markdown"
  }

  depends_on = [google_cloudfunctions2_function.function, google_project_service.required]
}

check "alerts_reach_somebody" {
  assert {
    condition     = length(var.alert_emails) + length(var.alert_channels) > 0
    error_message = "Nobody receives the alerts: set an address in alert_emails or a channel in alert_channels."
  }
}

check "ticks_are_watched" {
  assert {
    condition     = local.alert_after.no_applied_minutes != null && local.alert_after.no_tick_minutes != null
    error_message = "The schedule pauses for longer than Cloud Monitoring looks back. There is no alert on missing ticks, and the first tick after a pause of a day or more finds every view behind."
  }
}
