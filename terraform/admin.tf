# How people open the page of the operators. By default through `gcloud run services proxy`, which needs nothing but rights (identities.tf). With
# var.admin_iap, the rest of this file puts a load balancer with Identity-Aware Proxy in front of the function.
locals {
  admin_members = [for email in setunion(var.admin_operators, var.admin_viewers) : "${endswith(email, ".gserviceaccount.com") ? "serviceAccount" : "user"}:${email}"]

  # The function verifies that a token of Identity-Aware Proxy was made for this backend service.
  admin_iap_audience = var.admin_iap == null ? null : "/projects/${data.google_project.project[0].number}/global/backendServices/${google_compute_backend_service.admin[0].generated_id}"
  # The account in whose name Identity-Aware Proxy calls the function.
  iap_agent = var.admin_iap == null ? null : "serviceAccount:service-${data.google_project.project[0].number}@gcp-sa-iap.iam.gserviceaccount.com"
}

# It names the service instead of referring to the function, because the function gets the id of the backend service in its environment.
resource "google_compute_region_network_endpoint_group" "admin" {
  count = var.admin_iap == null ? 0 : 1

  name                  = "cdc-admin${local.suffix}"
  region                = var.region
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = "admin${local.suffix}"
  }

  depends_on = [google_project_service.required]
}

resource "google_compute_backend_service" "admin" {
  count = var.admin_iap == null ? 0 : 1

  name                  = "cdc-admin${local.suffix}"
  description           = "The page of the operators, behind Identity-Aware Proxy."
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"

  backend {
    group = google_compute_region_network_endpoint_group.admin[0].id
  }

  # Google manages the OAuth client; its page admits accounts of the organization of the project.
  iap {
    enabled = true
  }
}

resource "google_iap_web_backend_service_iam_member" "admin" {
  for_each = toset(var.admin_iap == null ? [] : local.admin_members)

  web_backend_service = google_compute_backend_service.admin[0].name
  role                = "roles/iap.httpsResourceAccessor"
  member              = each.key
}

resource "google_compute_global_address" "admin" {
  count = var.admin_iap == null ? 0 : 1

  name = "cdc-admin${local.suffix}"

  depends_on = [google_project_service.required]
}

resource "google_compute_managed_ssl_certificate" "admin" {
  count = var.admin_iap == null ? 0 : 1

  # A certificate cannot be changed: another domain gets another one, before the old one is removed.
  name = "cdc-admin${local.suffix}-${substr(sha256(var.admin_iap.domain), 0, 8)}"

  managed {
    domains = [var.admin_iap.domain]
  }

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [google_project_service.required]
}

resource "google_compute_url_map" "admin" {
  count = var.admin_iap == null ? 0 : 1

  name            = "cdc-admin${local.suffix}"
  default_service = google_compute_backend_service.admin[0].id
}

# Google's default also allows TLS 1.0, and ciphers without forward secrecy.
resource "google_compute_ssl_policy" "admin" {
  count = var.admin_iap == null ? 0 : 1

  name            = "cdc-admin${local.suffix}"
  description     = "The page of the operators: TLS 1.2 or newer."
  profile         = "RESTRICTED"
  min_tls_version = "TLS_1_2"

  depends_on = [google_project_service.required]
}

resource "google_compute_target_https_proxy" "admin" {
  count = var.admin_iap == null ? 0 : 1

  name             = "cdc-admin${local.suffix}"
  url_map          = google_compute_url_map.admin[0].id
  ssl_certificates = [google_compute_managed_ssl_certificate.admin[0].id]
  ssl_policy       = google_compute_ssl_policy.admin[0].id
}

resource "google_compute_global_forwarding_rule" "admin" {
  count = var.admin_iap == null ? 0 : 1

  name                  = "cdc-admin${local.suffix}"
  target                = google_compute_target_https_proxy.admin[0].id
  ip_address            = google_compute_global_address.admin[0].id
  load_balancing_scheme = "EXTERNAL_MANAGED"
  port_range            = "443"
}
