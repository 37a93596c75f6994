# The bucket holds staged objects, <view>/<batch id>/…, reports of checks, reports/<view>/….ndjson.gz, and one object <view>/last-batch per
# streamed view. A new or restored control database must continue above the batch id in it. No rule deletes that object: BigQuery remembers
# deleted rows for two days, and it must outlive them by far.
resource "google_storage_bucket" "staging" {
  name                        = local.buckets.staging
  location                    = var.location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = var.staging_days
      matches_suffix = [".avro", ".pb.zst", ".ndjson.gz", "manifest.json"]
    }
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 1
    }
  }

  # Deleted objects can be staged again. Seven days of soft-deleted copies would only cost money.
  soft_delete_policy {
    retention_duration_seconds = 0
  }

  versioning {
    enabled = false
  }

  depends_on = [google_project_service.required]
}

# The bucket for the source archive of the functions. To roll back, apply an older commit: Terraform builds its archive again.
resource "google_storage_bucket" "source" {
  name                        = local.buckets.source
  location                    = var.location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true

  versioning {
    enabled = false
  }

  depends_on = [google_project_service.required]
}
