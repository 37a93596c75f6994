# Cloud Scheduler publishes as its own service agent, which has that permission in its project.
resource "google_cloud_scheduler_job" "tick" {
  name        = "cdc-tick${local.suffix}"
  description = "Sends a tick to extract, which then extracts every enabled view."
  region      = var.region
  schedule    = var.schedule
  time_zone   = var.schedule_time_zone
  paused      = var.schedule_paused

  pubsub_target {
    topic_name = google_pubsub_topic.topic["extract"].id
    data       = base64encode(jsonencode({ trigger = "scheduler" }))
  }

  retry_config {
    retry_count = 3
  }
}

# Requests a check of every view that has been loaded.
resource "google_cloud_scheduler_job" "reconcile" {
  count = var.reconcile_schedule == null ? 0 : 1

  name        = "cdc-reconcile${local.suffix}"
  description = "Asks reconcile to compare every enabled view with its target."
  region      = var.region
  schedule    = var.reconcile_schedule
  time_zone   = var.schedule_time_zone
  paused      = var.schedule_paused

  pubsub_target {
    topic_name = google_pubsub_topic.topic["reconcile"].id
    data       = base64encode(jsonencode({ trigger = "scheduler" }))
  }

  retry_config {
    retry_count = 3
  }
}

locals {
  # Regular expressions of the cron fields: values, and steps after `*` or after a range.
  cron_values = {
    minute  = "[0-5]?[0-9]"
    hour    = "([01]?[0-9]|2[0-3])"
    day     = "(0?[1-9]|[12][0-9]|3[01])"
    month   = "(0?[1-9]|1[0-2]|(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))"
    weekday = "([0-7]|(?i:sun|mon|tue|wed|thu|fri|sat))"
  }
  cron_steps = {
    minute  = "([1-9]|[1-5][0-9])"
    hour    = "([1-9]|1[0-9]|2[0-3])"
    day     = "([1-9]|[12][0-9]|3[01])"
    month   = "([1-9]|1[0-2])"
    weekday = "[1-7]"
  }
  cron_numbers = merge(
    { for index, name in ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"] : name => tostring(index + 1) },
    { for index, name in ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] : name => tostring(index) },
  )

  # All minutes and hours of the schedule, and from them the ticks as minutes of the day.
  cron_fields = split(" ", var.schedule)
  tick_numbers = [
    for index, size in [60, 24] : flatten([
      for part in [for text in split(",", local.cron_fields[index]) : regex("^(?:\\*|(?P<first>\\d+)(?:-(?P<last>\\d+))?)(?:/(?P<step>\\d+))?$", text)] : range(
        part.first == null ? 0 : tonumber(part.first),
        part.first == null ? size : tonumber(coalesce(part.last, part.first)) + 1,
        tonumber(coalesce(part.step, "1")),
      )
    ])
  ]
  ticks = [for text in sort(distinct([for pair in setproduct(local.tick_numbers[1], local.tick_numbers[0]) : format("%04d", pair[0] * 60 + pair[1])])) : tonumber(text)]

  # The longest time without a tick, in minutes; null if not every day has ticks.
  schedule_rest_minutes = toset(slice(local.cron_fields, 2, 5)) != toset(["*"]) ? null : max([
    for index, tick in local.ticks : (index + 1 < length(local.ticks) ? local.ticks[index + 1] : local.ticks[0] + 1440) - tick
  ]...)
}
