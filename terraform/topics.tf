# Eventarc creates one subscription per function trigger. It redelivers a failed message after 10 to 600 seconds, for 24 hours. If a
# message is lost after that, the next tick finds its batch, since the control database remembers every batch.
resource "google_pubsub_topic" "topic" {
  for_each = local.topics

  name                       = each.value
  message_retention_duration = "604800s" # 7 days

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.required]
}

# Keeps the dead letters for a person to read. Nothing acknowledges them automatically.
resource "google_pubsub_subscription" "dead_letter" {
  name                       = "${local.topics.dead_letter}-kept"
  topic                      = google_pubsub_topic.topic["dead_letter"].id
  ack_deadline_seconds       = 60
  message_retention_duration = "2678400s" # 31 days, the maximum

  expiration_policy {
    ttl = "" # never
  }
}
