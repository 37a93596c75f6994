# What is read out of the functions' log lines. The filters are tested against lines that the functions write in a run
# (test/integration/terraform/log-filters.test.ts).
locals {
  function_services = [for function in keys(local.functions) : "\"${function}${local.suffix}\""]
  log_scope         = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=(${join(" OR ", local.function_services)})"
  # The same in the language of Cloud Monitoring.
  metric_scope = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=one_of(${join(",", local.function_services)})"

  # Counters, and where `value` is given, distributions of it.
  log_metrics = {
    applied_batches = {
      description = "Batches that were applied."
      filter      = "jsonPayload.message=\"batch applied\""
      labels      = { view = "EXTRACT(jsonPayload.view)" }
      value       = null
      unit        = "1"
    }
    behind_seconds = {
      description = "For how long a view was not known to be current, at each tick."
      filter      = "jsonPayload.message=\"view freshness\""
      labels      = { view = "EXTRACT(jsonPayload.view)" }
      value       = "EXTRACT(jsonPayload.behindSeconds)"
      unit        = "s"
    }
    failures = {
      description = "Failures that only a person can mend."
      filter      = "severity>=ERROR AND jsonPayload.kind:*"
      labels      = { kind = "EXTRACT(jsonPayload.kind)" }
      value       = null
      unit        = "1"
    }
    lag_milliseconds = {
      description = "From a change in the source to its arrival in the target."
      filter      = "jsonPayload.message=\"batch applied\" AND jsonPayload.lagMs>=0"
      labels      = { view = "EXTRACT(jsonPayload.view)" }
      value       = "EXTRACT(jsonPayload.lagMs)"
      unit        = "ms"
    }
    looked_at_views = {
      description = "Views that a tick has looked at."
      filter      = "jsonPayload.message=\"view freshness\""
      labels      = {}
      value       = null
      unit        = "1"
    }
    retries = {
      description = "Failures that are tried again."
      filter      = "jsonPayload.message=\"will retry\""
      labels      = { kind = "EXTRACT(jsonPayload.kind)" }
      value       = null
      unit        = "1"
    }
    signs_of_life = {
      description = "Batches that were applied, and views that a tick found current."
      filter      = "(jsonPayload.message=\"batch applied\" OR (jsonPayload.message=\"view freshness\" AND jsonPayload.behindSeconds<=${local.alert_after.behind_minutes * 60}))"
      labels      = {}
      value       = null
      unit        = "1"
    }
  }

  # Alerts on single lines. `section` is a heading of OPERATIONS.md; each of `labels` names its incident.
  log_alerts = {
    abandoned_batches = {
      title    = "batches are given up again and again"
      section  = "abandoned-batches"
      filter   = "jsonPayload.message=\"batch abandoned again\""
      labels   = { view = "EXTRACT(jsonPayload.view)" }
      advice   = "The log line tells why: a process that ends before its time, staged objects that vanish, or rows that are not copied within the limits."
      severity = "ERROR"
    }
    dead_letter = {
      title    = "an event was set aside"
      section  = "dead-letter"
      filter   = "jsonPayload.message=(\"event dead-lettered\" OR \"dead letter not published\" OR \"failure not recorded\")"
      labels   = { function = "EXTRACT(resource.labels.service_name)" }
      advice   = "Read the message in the subscription ${local.topics.dead_letter}-kept, mend what its advice names, and send its event again."
      severity = "WARNING"
    }
    failed_batch = {
      title    = "a batch failed"
      section  = "failed-batch"
      filter   = "jsonPayload.message=\"view halted\" AND jsonPayload.etlTransactionId:*"
      labels   = { view = "EXTRACT(jsonPayload.view)" }
      advice   = "Mend what the log line's advice names, then resume the view: its changes are captured again."
      severity = "ERROR"
    }
    floor_stuck = {
      title    = "a long transaction keeps the floor"
      section  = "floor-stuck"
      filter   = "jsonPayload.message=\"floor stuck\""
      labels   = { view = "EXTRACT(jsonPayload.view)" }
      advice   = "End the transaction in the source whose pid and age the log line tells."
      severity = "WARNING"
    }
    halted_view = {
      title    = "a view was halted"
      section  = "halted-view"
      filter   = "jsonPayload.message=\"view halted\" AND NOT jsonPayload.etlTransactionId:*"
      labels   = { view = "EXTRACT(jsonPayload.view)" }
      advice   = "Mend what the log line's advice names, then resume the view."
      severity = "ERROR"
    }
    lag = {
      title    = "a view is behind"
      section  = "lag"
      filter   = "jsonPayload.message=\"view behind\""
      labels   = { view = "EXTRACT(jsonPayload.view)" }
      advice   = "See whether the view is paused or halted, or what its last log lines say is tried again."
      severity = "ERROR"
    }
    refused = {
      title    = "a right, a password or a setting is missing"
      section  = "function-errors"
      filter   = "jsonPayload.message=\"will retry\" AND jsonPayload.kind=(\"unauthorized\" OR \"environment\")"
      labels   = { function = "EXTRACT(resource.labels.service_name)" }
      advice   = "Mend the password, the role or the variable that the log line names; what waits is tried again by itself."
      severity = "ERROR"
    }
  }
}

resource "google_logging_metric" "metric" {
  for_each = local.log_metrics

  name             = "cdc_${each.key}${local.suffix}"
  description      = each.value.description
  filter           = "${local.log_scope} AND ${each.value.filter}"
  label_extractors = each.value.labels
  value_extractor  = each.value.value

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = each.value.value == null ? "INT64" : "DISTRIBUTION"
    unit        = each.value.unit

    dynamic "labels" {
      for_each = each.value.labels
      content {
        key        = labels.key
        value_type = "STRING"
      }
    }
  }

  # From 1 to some 17 million: milliseconds up to hours, in steps of a fifth.
  dynamic "bucket_options" {
    for_each = each.value.value == null ? [] : [each.value.value]
    content {
      exponential_buckets {
        growth_factor      = 1.2
        num_finite_buckets = 92
        scale              = 1
      }
    }
  }

  depends_on = [google_project_service.required]
}
