# Tables, procedures and views in them are made by the functions: a change of a view's columns is no drift here.
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
    target = "Tables that are kept equal to the views of the source, and the procedures that merge into them."
    temp   = "Rows of batches on their way, and the ledger of applied batches."
    view   = "What analysts read: rows that are not deleted, of the last five years."
  }
}

# The reporting views may read the targets, so that analysts need no right there. Rights on datasets are given one by one with
# this resource: google_bigquery_dataset_iam_member would take that of the reporting views away again.
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

# WRITER is roles/bigquery.dataEditor, under the name that BigQuery answers with.
resource "google_bigquery_dataset_access" "function" {
  for_each = local.rights.writes

  dataset_id    = google_bigquery_dataset.dataset[each.value.object].dataset_id
  role          = "WRITER"
  user_by_email = google_service_account.function[each.value.function].email
}
