# A person adds the values (see the output next_steps). No variable, plan or state contains one.
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
