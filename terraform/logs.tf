# Metrics and alerts on the log lines of the functions. A test runs the functions and applies these filters to the lines that they write
# (test/integration/terraform/log-filters.long.test.ts).
locals {
  function_services = [for function in keys(local.functions) : "\"${function}${local.suffix}\""]
  log_scope         = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=(${join(" OR ", local.function_services)})"
  # The same scope in the filter language of Cloud Monitoring.
  metric_scope = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=one_of(${join(",", local.function_services)})"

  # An entry with a `value` is a distribution of that value; every other entry is a counter.
  log_metrics = {
    applied_batches = {
      description = "Applied batches."
      filter      = "jsonPayload.message=\"batch applied\""
      labels      = { view = "EXTRACT(jsonPayload.view)" }
      value       = null
      unit        = "1"
    }
    behind_seconds = {
      description = "Seconds since a view was last known to be up to date, at each tick."
      filter      = "jsonPayload.message=\"view freshness\""
      labels      = { view = "EXTRACT(jsonPayload.view)" }
      value       = "EXTRACT(jsonPayload.behindSeconds)"
      unit        = "s"
    }
    differences = {
      description = "Rows that differed at the end of a check, before any repair."
      filter      = "jsonPayload.message=(\"view and target are equal\" OR \"view and target differ\")"
      labels      = { view = "EXTRACT(jsonPayload.view)" }
      value       = "EXTRACT(jsonPayload.differences)"
      unit        = "1"
    }
    failures = {
      description = "Failures that need a person."
      filter      = "severity>=ERROR AND jsonPayload.kind:*"
      labels      = { kind = "EXTRACT(jsonPayload.kind)" }
      value       = null
      unit        = "1"
    }
    lag_milliseconds = {
      description = "Time from a change in the source to its arrival in the target."
      filter      = "jsonPayload.message=\"batch applied\" AND jsonPayload.lagMs>=0"
      labels      = { view = "EXTRACT(jsonPayload.view)" }
      value       = "EXTRACT(jsonPayload.lagMs)"
      unit        = "ms"
    }
    liveness = {
      description = "Applied batches, and views that a tick found up to date."
      filter      = "(jsonPayload.message=\"batch applied\" OR (jsonPayload.message=\"view freshness\" AND jsonPayload.behindSeconds<=${local.alert_after.behind_minutes * 60}))"
      labels      = {}
      value       = null
      unit        = "1"
    }
    retries = {
      description = "Failures that will be retried."
      filter      = "jsonPayload.message=\"will retry\""
      labels      = { kind = "EXTRACT(jsonPayload.kind)" }
      value       = null
      unit        = "1"
    }
    views_checked = {
      description = "Views that a tick has checked."
      filter      = "jsonPayload.message=\"view freshness\""
      labels      = {}
      value       = null
      unit        = "1"
    }
  }

  # Alerts on single log lines. `section` is a heading of docs/operations.md; each value of `labels` opens an incident of its own.
  log_alerts = {
    abandoned_batches = {
      title    = "batches are abandoned repeatedly, or a copy makes no progress"
      section  = "abandoned-batches"
      filter   = "jsonPayload.message=(\"batch abandoned again\" OR \"copy resumed again without progress\")"
      labels   = { view = "EXTRACT(jsonPayload.view)" }
      advice   = "The log line gives the reason: a process ended early, staged objects disappeared, or rows were not copied within the time limits."
      severity = "ERROR"
    }
    bad_keys = {
      title    = "log rows without a valid key were skipped"
      section  = "bad-keys"
      filter   = "jsonPayload.message=\"bad keys skipped\""
      labels   = { view = "EXTRACT(jsonPayload.view)" }
      advice   = "Compare the model and the key of the view source with the object ids in the change log: the log rows name objects that the view cannot have."
      severity = "WARNING"
    }
    changed_target = {
      title    = "a target differs from its view, or somebody else changed it"
      section  = "changed-target"
      filter   = "jsonPayload.message=(\"reporting view created again\" OR \"rows differ\" OR \"target expires\")"
      labels   = { view = "EXTRACT(jsonPayload.view)" }
      advice   = "The log line says what differs. If rows differ, resync the view; find out who changes its objects in BigQuery."
      severity = "WARNING"
    }
    dead_letter = {
      title    = "an event was dead-lettered"
      section  = "dead-letter"
      filter   = "jsonPayload.message=(\"event dead-lettered\" OR \"dead letter not published\" OR \"failure not recorded\")"
      labels   = { function = "EXTRACT(resource.labels.service_name)" }
      advice   = "Read the message in the subscription ${local.topics.dead_letter}-kept, fix what its advice names, and redrive the event."
      severity = "WARNING"
    }
    failed_batch = {
      title    = "a batch failed"
      section  = "failed-batch"
      filter   = "jsonPayload.message=\"view halted\" AND jsonPayload.etlTransactionId:*"
      labels   = { view = "EXTRACT(jsonPayload.view)" }
      advice   = "Fix what the advice in the log line names, then redrive the view: its changes are captured again."
      severity = "ERROR"
    }
    failed_check = {
      title    = "a check of a view ended without an answer"
      section  = "failed-check"
      filter   = "jsonPayload.message=\"check failed\""
      labels   = { view = "EXTRACT(jsonPayload.view)" }
      advice   = "Fix what the log line names, then check the view again."
      severity = "WARNING"
    }
    failed_page = {
      title    = "a page of admin failed"
      section  = "failed-page"
      filter   = "jsonPayload.message=\"admin page failed\""
      labels   = { kind = "EXTRACT(jsonPayload.kind)" }
      advice   = "Views go on. Report the log line with its stack; what the page does can be asked for by a call of extract, too."
      severity = "WARNING"
    }
    floor_stuck = {
      title    = "a long transaction holds back the floor"
      section  = "floor-stuck"
      filter   = "jsonPayload.message=\"floor stuck\""
      labels   = { view = "EXTRACT(jsonPayload.view)" }
      advice   = "End the transaction in the source; the log line gives its pid and age."
      severity = "WARNING"
    }
    halted_view = {
      title    = "a view was halted"
      section  = "halted-view"
      filter   = "jsonPayload.message=\"view halted\" AND NOT jsonPayload.etlTransactionId:*"
      labels   = { view = "EXTRACT(jsonPayload.view)" }
      advice   = "Fix what the advice in the log line names, then redrive the view."
      severity = "ERROR"
    }
    lag = {
      title    = "a view is behind"
      section  = "lag"
      filter   = "jsonPayload.message=\"view behind\""
      labels   = { view = "EXTRACT(jsonPayload.view)" }
      advice   = "Check whether the view is paused or halted, and read its latest log lines with the message \"will retry\"."
      severity = "ERROR"
    }
    over_budget = {
      title    = "a view has used up its budget of the day"
      section  = "over-budget"
      filter   = "jsonPayload.message=\"view over budget\""
      labels   = { view = "EXTRACT(jsonPayload.view)" }
      advice   = "Nothing of the view moves before the next UTC day. Look at its cost in the status, and let it go on or raise its budget."
      severity = "WARNING"
    }
    replaced_values = {
      title    = "a policy replaced most values of a column"
      section  = "replaced-values"
      filter   = "jsonPayload.message=\"policy replaced most values\""
      labels   = { view = "EXTRACT(jsonPayload.view)" }
      advice   = "The column does not fit its type in BigQuery. Change it in the view, or remove its policy."
      severity = "WARNING"
    }
    resync_advised = {
      title    = "rows of a target may be wrong until a resync"
      section  = "resync-advised"
      filter   = "jsonPayload.message=\"resync advised\""
      labels   = { view = "EXTRACT(jsonPayload.view)" }
      advice   = "The log line gives the reason. Resync the view."
      severity = "WARNING"
    }
    refused = {
      title    = "a permission, a password or a setting is missing"
      section  = "function-errors"
      filter   = "jsonPayload.message=(\"will retry\" OR \"call failed\") AND jsonPayload.kind=(\"unauthorized\" OR \"environment\")"
      labels   = { function = "EXTRACT(resource.labels.service_name)" }
      advice   = "Fix the password, the role or the variable that the log line names. The functions retry everything that waits by themselves."
      severity = "ERROR"
    }
    refused_reporting_view = {
      title    = "BigQuery refuses a reporting view"
      section  = "reporting-view-refused"
      filter   = "jsonPayload.message=\"reporting view refused\""
      labels   = { view = "EXTRACT(jsonPayload.view)" }
      advice   = "Batches go on, but the reporting view is missing or old. The log line says why; the next batch tries again."
      severity = "WARNING"
    }
    view_differs = {
      title    = "a view and its target differ"
      section  = "view-differs"
      filter   = "jsonPayload.message=\"view and target differ\""
      labels   = { view = "EXTRACT(jsonPayload.view)" }
      advice   = "The log line gives the counts and classes. Read why rows differ, then repair them or resync the view."
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

  # Buckets from 1 to about 19 million in steps of 20%: from one millisecond to some hours.
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
