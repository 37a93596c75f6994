# Run with the values of terraform.tfvars.example.
mock_provider "archive" {}
mock_provider "google" {}
mock_provider "time" {}

run "the_example_begins_with_ticks_that_are_paused" {
  command = plan

  assert {
    condition     = google_cloud_scheduler_job.tick.paused
    error_message = "Ticks must not come before the secrets are there and the view sources are imported."
  }
}
