# Staged objects, <view>/<etl transaction>/…, and <view>/last-batch: the number that a new or restored control database must go
# on above. That one must outlive by far the two days for which BigQuery remembers deleted rows, so it is deleted by no rule.
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
      matches_suffix = [".ndjson.gz", "manifest.json"]
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

  # What is deleted can be staged again; a copy of everything for 7 days more would only cost.
  soft_delete_policy {
    retention_duration_seconds = 0
  }

  versioning {
    enabled = false
  }

  depends_on = [google_project_service.required]
}

# The archive that the functions are built from. Going back is applying an older commit, which builds its archive again.
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
