# The values are added by hand (see the outputs): none is in a variable, a plan or the state.
resource "google_secret_manager_secret" "database_url" {
  for_each = local.secrets

  secret_id = each.value

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.required]
}
