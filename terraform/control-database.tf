# An instance for the control database, on request. A command from the output next_steps creates its role and password, so that no
# variable, plan or state contains a password.
resource "google_sql_database_instance" "control" {
  count = var.control_instance == null ? 0 : 1

  name                = local.control_instance_name
  region              = var.region
  database_version    = var.control_instance.database_version
  deletion_protection = var.control_instance.is_deletion_protected

  settings {
    tier                        = var.control_instance.tier
    edition                     = "ENTERPRISE"
    availability_type           = var.control_instance.availability_type
    deletion_protection_enabled = var.control_instance.is_deletion_protected
    connector_enforcement       = "REQUIRED"
    user_labels                 = local.labels

    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = var.control_instance.transaction_log_days

      backup_retention_settings {
        retained_backups = var.control_instance.backup_days
        retention_unit   = "COUNT"
      }
    }

    ip_configuration {
      ipv4_enabled    = var.control_instance.private_network == null
      private_network = var.control_instance.private_network
      ssl_mode        = "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"
    }

    maintenance_window {
      day          = var.control_instance.maintenance_day
      hour         = var.control_instance.maintenance_hour
      update_track = "stable"
    }
  }

  lifecycle {
    precondition {
      # 50 connections, of which PostgreSQL and Cloud SQL keep some for themselves.
      condition     = var.control_instance.tier != "db-g1-small" || 5 * 2 * var.max_instances <= 40
      error_message = "A db-g1-small allows 50 connections, which 5 functions with 2 connections for each of more than 4 instances exceed: lower max_instances, or set another tier."
    }
  }

  depends_on = [google_project_service.required]
}

resource "google_sql_database" "control" {
  count = var.control_instance == null ? 0 : 1

  name            = "datahub"
  instance        = google_sql_database_instance.control[0].name
  deletion_policy = "ABANDON"
}
