# Service accounts and their roles. Each role is granted on the narrowest resource that accepts it. README.md in this folder, section
# "Identities", explains why each role is needed.
resource "google_service_account" "function" {
  for_each = local.functions

  account_id   = "cdc-${each.key}${local.suffix}"
  display_name = "SMart DataHub ${each.key}${local.suffix}"
  description  = each.value.description

  depends_on = [google_project_service.required]
}

resource "google_service_account" "trigger" {
  account_id   = "cdc-trigger${local.suffix}"
  display_name = "SMart DataHub trigger${local.suffix}"
  description  = "Delivers Pub/Sub messages to the functions."

  depends_on = [google_project_service.required]
}

resource "google_service_account" "build" {
  account_id   = "cdc-build${local.suffix}"
  display_name = "SMart DataHub build${local.suffix}"
  description  = "Builds the functions' images."

  depends_on = [google_project_service.required]
}

locals {
  # One entry per function and resource, such as `rights.writes["merge temp"]`.
  rights = {
    for kind in ["bucket_roles", "inspects", "publishes", "reads", "secrets", "writes"] : kind => merge([
      for function, entry in local.functions : {
        for object in entry[kind] : "${function} ${object}" => { function = function, object = object }
      }
    ]...)
  }
  function_members = { for function, account in google_service_account.function : function => "serviceAccount:${account.email}" }

  function_invokers = merge([
    for function, entry in local.functions : {
      for member in var.invokers : "${function} ${member}" => { function = function, member = member }
    } if entry.topic != null
  ]...)

  # The callers of a function: its trigger and var.invokers; of admin its users, or Identity-Aware Proxy in their name.
  callers = merge(
    { for function, entry in local.functions : "${function} trigger" => { function = function, member = "serviceAccount:${google_service_account.trigger.email}" } if entry.topic != null },
    local.function_invokers,
    var.admin_iap == null ? { for member in local.admin_members : "admin ${member}" => { function = "admin", member = member } } : { "admin iap" = { function = "admin", member = local.iap_agent } },
  )
}

resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = local.rights.publishes

  topic  = google_pubsub_topic.topic[each.value.object].name
  role   = "roles/pubsub.publisher"
  member = local.function_members[each.value.function]
}

# The preflight checks whether the topics exist.
resource "google_pubsub_topic_iam_member" "viewer" {
  for_each = local.rights.inspects

  topic  = google_pubsub_topic.topic[each.value.object].name
  role   = "roles/pubsub.viewer"
  member = local.function_members[each.value.function]
}

resource "google_storage_bucket_iam_member" "staging" {
  for_each = local.rights.bucket_roles

  bucket = google_storage_bucket.staging.name
  role   = each.value.object
  member = local.function_members[each.value.function]
}

# A report contains values of rows. Its writer may not read, replace or delete it, nor create an object elsewhere.
resource "google_storage_bucket_iam_member" "reports" {
  for_each = { for function, entry in local.functions : function => entry if entry.is_reporter }

  bucket = google_storage_bucket.staging.name
  role   = "roles/storage.objectCreator"
  member = local.function_members[each.key]

  condition {
    title      = "cdc reports${local.suffix}"
    expression = "resource.name.startsWith(\"projects/_/buckets/${local.buckets.staging}/objects/reports/\")"
  }
}

resource "google_secret_manager_secret_iam_member" "accessor" {
  for_each = local.rights.secrets

  secret_id = google_secret_manager_secret.database_url[each.value.object].id
  role      = "roles/secretmanager.secretAccessor"
  member    = local.function_members[each.value.function]
}

# A BigQuery job belongs to a project, so this role cannot be granted on anything narrower.
resource "google_project_iam_member" "job_user" {
  for_each = { for function, entry in local.functions : function => entry if length(concat(entry.reads, entry.writes)) > 0 }

  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = local.function_members[each.key]
}

# Google's connector needs this role in the project of the instance. The condition limits it to that one instance.
resource "google_project_iam_member" "cloud_sql_client" {
  for_each = {
    for key, entry in local.rights.secrets : key => entry if local.uses_cloud_sql[entry.object]
  }

  project = local.cloud_sql_resources[each.value.object].project
  role    = "roles/cloudsql.client"
  member  = local.function_members[each.value.function]

  condition {
    title      = "cdc ${each.value.object} database${local.suffix}"
    expression = "resource.type == \"sqladmin.googleapis.com/Instance\" && resource.name == \"${local.cloud_sql_resources[each.value.object].name}\""
  }
}

# Granted on the Cloud Run service under the function: roles/run.invoker cannot be granted on the function itself.
resource "google_cloud_run_service_iam_member" "invoker" {
  for_each = local.callers

  location = var.region
  service  = google_cloudfunctions2_function.function[each.value.function].name
  role     = "roles/run.invoker"
  member   = each.value.member
}

# `gcloud run services proxy` looks up the service before it calls it.
resource "google_cloud_run_service_iam_member" "admin_viewer" {
  for_each = toset(var.admin_iap == null ? local.admin_members : [])

  location = var.region
  service  = google_cloudfunctions2_function.function["admin"].name
  role     = "roles/run.viewer"
  member   = each.key
}

# `gcloud functions call` looks up the function before it calls it.
resource "google_cloudfunctions2_function_iam_member" "viewer" {
  for_each = local.function_invokers

  location       = var.region
  cloud_function = google_cloudfunctions2_function.function[each.value.function].name
  role           = "roles/cloudfunctions.viewer"
  member         = each.value.member
}

resource "google_artifact_registry_repository_iam_member" "build" {
  repository = google_artifact_registry_repository.functions.repository_id
  location   = var.region
  role       = "roles/artifactregistry.writer"
  member     = "serviceAccount:${google_service_account.build.email}"
}

resource "google_project_iam_member" "build_log_writer" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = "serviceAccount:${google_service_account.build.email}"
}

# The archive lies in our source bucket; Cloud Functions, Cloud Run and uploads copy it to buckets of their own
# (https://cloud.google.com/functions/docs/securing/build-custom-sa). None of these buckets holds staged rows.
resource "google_project_iam_member" "build_source_reader" {
  project = var.project
  role    = "roles/storage.objectViewer"
  member  = "serviceAccount:${google_service_account.build.email}"

  condition {
    title      = "source buckets of functions"
    expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-\") || resource.name.startsWith(\"projects/_/buckets/gcf-v2-uploads-\") || resource.name.startsWith(\"projects/_/buckets/run-sources-\") || resource.name.startsWith(\"projects/_/buckets/${local.buckets.source}/\")"
  }
}

# A new role takes effect with a delay. Without this pause the first build would be refused.
resource "time_sleep" "build_rights" {
  create_duration = "90s"
  triggers        = { account = google_service_account.build.email }

  depends_on = [
    google_artifact_registry_repository_iam_member.build,
    google_project_iam_member.build_log_writer,
    google_project_iam_member.build_source_reader,
  ]
}
