resource "google_project_service" "required" {
  for_each = toset(local.services)

  service            = each.key
  disable_on_destroy = false
}
