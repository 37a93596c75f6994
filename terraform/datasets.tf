# The functions create the tables, procedures and views in these datasets, so a change of a view's columns is not drift here.
resource "google_bigquery_dataset" "dataset" {
  for_each = local.datasets

  dataset_id                 = each.value
  location                   = var.location
  description                = local.dataset_descriptions[each.key]
  delete_contents_on_destroy = false

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [google_project_service.required]
}

locals {
  dataset_descriptions = {
    target = "Copies of the source views, and the procedures that merge into them."
    temp   = "Staged rows of batches, and the ledger of merged batches."
    view   = "Reporting views for analysts: rows that are not deleted, of the last five years."
  }
}

# The reporting views may read the targets, so analysts need no access to the targets. All access entries use this resource:
# google_bigquery_dataset_iam_member would remove the entry of the reporting views again.
resource "google_bigquery_dataset_access" "reporting_views" {
  dataset_id = google_bigquery_dataset.dataset["target"].dataset_id

  dataset {
    dataset {
      project_id = var.project
      dataset_id = google_bigquery_dataset.dataset["view"].dataset_id
    }
    target_types = ["VIEWS"]
  }
}

resource "google_bigquery_dataset_access" "analysts" {
  for_each = var.analyst_groups

  dataset_id     = google_bigquery_dataset.dataset["view"].dataset_id
  role           = "READER"
  group_by_email = each.key
}

# WRITER is roles/bigquery.dataEditor under the name that the BigQuery API returns.
resource "google_bigquery_dataset_access" "function" {
  for_each = local.rights.writes

  dataset_id    = google_bigquery_dataset.dataset[each.value.object].dataset_id
  role          = "WRITER"
  user_by_email = google_service_account.function[each.value.function].email
}

# READER is roles/bigquery.dataViewer.
resource "google_bigquery_dataset_access" "reading_function" {
  for_each = local.rights.reads

  dataset_id    = google_bigquery_dataset.dataset[each.value.object].dataset_id
  role          = "READER"
  user_by_email = google_service_account.function[each.value.function].email
}
