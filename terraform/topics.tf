# Each function's trigger has a subscription of its own, which Eventarc makes: it delivers again, after 10 to 600 seconds, for
# 24 hours. What is lost then is found by the next tick, since the control database remembers every batch.
resource "google_pubsub_topic" "topic" {
  for_each = local.topics

  name                       = each.value
  message_retention_duration = "604800s" # 7 days

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.required]
}

# Keeps what was set aside until somebody has looked at it; nothing takes messages out of it by itself.
resource "google_pubsub_subscription" "dead_letter" {
  name                       = "${local.topics.dead_letter}-kept"
  topic                      = google_pubsub_topic.topic["dead_letter"].id
  ack_deadline_seconds       = 60
  message_retention_duration = "2678400s" # 31 days, the most there is

  expiration_policy {
    ttl = "" # never
  }
}
