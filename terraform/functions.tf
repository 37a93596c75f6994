resource "google_cloudfunctions2_function" "function" {
  for_each = local.functions

  name        = "${each.key}${local.suffix}"
  location    = var.region
  description = each.value.description

  build_config {
    runtime           = "nodejs24"
    entry_point       = each.key # the Functions Framework gets it as FUNCTION_TARGET
    docker_repository = google_artifact_registry_repository.functions.id
    service_account   = google_service_account.build.id

    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = google_storage_bucket_object.source.name
      }
    }
  }

  service_config {
    available_cpu                    = each.value.cpu
    available_memory                 = each.value.memory
    max_instance_count               = var.max_instances
    max_instance_request_concurrency = each.value.concurrency
    min_instance_count               = each.value.min_instances
    timeout_seconds                  = local.time_limit_seconds
    all_traffic_on_latest_revision   = true
    ingress_settings                 = each.value.ingress
    service_account_email            = google_service_account.function[each.key].email
    vpc_connector                    = local.vpc_connector
    vpc_connector_egress_settings    = try(var.vpc.egress, null)
    environment_variables            = local.function_environment[each.key]
  }

  dynamic "event_trigger" {
    for_each = each.value.topic == null ? [] : [each.value.topic]
    content {
      event_type            = "google.cloud.pubsub.topic.v1.messagePublished"
      pubsub_topic          = google_pubsub_topic.topic[event_trigger.value].id
      retry_policy          = "RETRY_POLICY_RETRY"
      service_account_email = google_service_account.trigger.email
      trigger_region        = var.region
    }
  }

  depends_on = [
    google_project_service.required,
    time_sleep.build_rights,
  ]
}

# The repository for the images that Cloud Build builds of the functions.
resource "google_artifact_registry_repository" "functions" {
  repository_id = "cdc-functions${local.suffix}"
  location      = var.region
  format        = "DOCKER"
  description   = "Images of the functions."

  cleanup_policies {
    id     = "old"
    action = "DELETE"
    condition {
      older_than = "7776000s" # 90 days
    }
  }

  cleanup_policies {
    id     = "recent"
    action = "KEEP"
    most_recent_versions {
      keep_count = 10
    }
  }

  depends_on = [google_project_service.required]
}
