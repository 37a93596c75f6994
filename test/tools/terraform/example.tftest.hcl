# Runs with the values of terraform.tfvars.example.
mock_provider "archive" {}
mock_provider "google" {}
mock_provider "time" {}

run "the_example_starts_with_paused_ticks" {
  command = plan

  assert {
    condition     = google_cloud_scheduler_job.tick.paused && google_cloud_scheduler_job.reconcile[0].paused
    error_message = "Ticks and checks must not start before the secrets exist and the view sources are imported."
  }
}
