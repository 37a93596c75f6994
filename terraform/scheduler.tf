# Cloud Scheduler publishes as its own service agent, which may do so in its project.
resource "google_cloud_scheduler_job" "tick" {
  name        = "cdc-tick${local.suffix}"
  description = "Asks extract for a tick: every enabled view."
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
