locals {
  operations = "OPERATIONS.md of the repository, section"
  channels   = concat([for channel in google_monitoring_notification_channel.email : channel.id], var.alert_channels)

  # Cloud Monitoring asks for a day's points at most.
  look_back_minutes = 1410

  # What var.alert_after leaves out follows from the schedule. An alert on what does not come is left out (null) where the schedule
  # rests for longer than Cloud Monitoring looks back.
  rest_minutes = coalesce(local.schedule_rest_minutes, 1440)
  alert_after = {
    behind_minutes     = coalesce(var.alert_after.behind_minutes, min(local.rest_minutes + 25, 1440))
    failed_calls       = var.alert_after.failed_calls
    no_applied_minutes = var.alert_after.no_applied_minutes != null ? var.alert_after.no_applied_minutes : local.rest_minutes + 115 > local.look_back_minutes ? null : local.rest_minutes + 115
    no_tick_minutes    = var.alert_after.no_tick_minutes != null ? var.alert_after.no_tick_minutes : local.rest_minutes + 25 > local.look_back_minutes ? null : local.rest_minutes + 25
  }

  # Alerts on what came more than `above` times within so many minutes.
  count_alerts = {
    function_errors = {
      title    = "functions fail again and again"
      section  = "function-errors"
      filter   = "${local.metric_scope} AND metric.type=\"run.googleapis.com/request_count\" AND metric.labels.response_code_class=\"5xx\""
      above    = local.alert_after.failed_calls
      minutes  = 15
      advice   = "Read the functions' last errors; whatever fails is delivered again until it succeeds."
      severity = "ERROR"
    }
  }

  # Alerts on what did not come for so many minutes, and on what never came. A condition on missing data, of either kind, knows only
  # time series that were there before, so an installation that never began would be silent; PromQL counts what is not there as 0.
  # `metric` is a key of log_metrics. A night or a Sunday without changes is no alert: a view that is found current is life enough.
  absence_alerts = {
    no_applied_batch = {
      title    = "nothing was applied, and no view was current, for long"
      section  = "no-applied-batch"
      metric   = "signs_of_life"
      minutes  = local.alert_after.no_applied_minutes
      advice   = "See whether ticks come, whether a view is enabled, and what keeps its batches from being applied."
      severity = "WARNING"
    }
    no_tick = {
      title    = "no tick was seen"
      section  = "no-tick"
      metric   = "looked_at_views"
      minutes  = local.alert_after.no_tick_minutes
      advice   = "See whether the schedule is paused, whether extract starts at all, and whether a view is enabled."
      severity = "ERROR"
    }
  }

  # Log lines become points of a metric up to some minutes late: a shorter window would miss them.
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

    # A log metric is not known to Cloud Monitoring for some minutes after it was made: until then it counts as 0.
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
    error_message = "Nobody gets the alerts: give an address in alert_emails, or a channel in alert_channels."
  }
}

check "ticks_are_watched" {
  assert {
    condition     = local.alert_after.no_applied_minutes != null && local.alert_after.no_tick_minutes != null
    error_message = "The schedule rests for longer than Cloud Monitoring looks back: there is no alert on ticks that do not come, and the first tick after a rest of a day or more finds every view behind."
  }
}
