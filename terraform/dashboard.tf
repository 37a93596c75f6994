resource "google_monitoring_dashboard" "overview" {
  dashboard_json = templatefile("${path.module}/dashboard.json.tftpl", {
    suffix                   = local.suffix
    dead_letter_subscription = google_pubsub_subscription.dead_letter.name
  })

  depends_on = [google_logging_metric.metric]
}
