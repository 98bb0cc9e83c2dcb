# The least that a gateway needs: a name and the zip that `make lambda` made.

variable "zip" {
  description = "Path of the zip."
  type        = string
  default     = "../../../dist/event-gateway-lambda-arm64.zip"
}

module "event_gateway" {
  source = "../.."

  name = "gateway"
  zip  = var.zip
}

output "events_url" {
  value = module.event_gateway.events_url
}

output "config_url" {
  value = module.event_gateway.config_url
}

output "curl" {
  value = module.event_gateway.curl
}

output "versions" {
  value = module.event_gateway.versions
}

output "kms_uri" {
  value = module.event_gateway.kms_uri
}
