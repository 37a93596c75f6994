# For names that contain the number of the project.
data "google_project" "project" {
  count = var.admin_iap == null && var.budget == null ? 0 : 1

  project_id = var.project
}
