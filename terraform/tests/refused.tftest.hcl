# Wrong values are refused by a plan, before anything is made.

mock_provider "aws" {
  source = "./tests/aws"
}

variables {
  name = "gw"
  zip  = "versions.tf" # any file will do
}

run "name" {
  command = plan

  variables {
    name = "Gateway"
  }

  expect_failures = [var.name]
}

run "name_ends" {
  command = plan

  variables {
    name = "gw-"
  }

  expect_failures = [var.name]
}

run "no_zip" {
  command = plan

  variables {
    zip = "not/there.zip"
  }

  expect_failures = [var.zip]
}

run "architecture" {
  command = plan

  variables {
    architecture = "arm"
  }

  expect_failures = [var.architecture]
}

run "timeout" {
  command = plan

  variables {
    events_function = { timeout_seconds = 901 }
  }

  expect_failures = [var.events_function]
}

run "provisioned" {
  command = plan

  variables {
    events_function = { reserved_concurrency = 20, provisioned_concurrency = 30 }
  }

  expect_failures = [var.events_function]
}

run "config_timeout" {
  command = plan

  variables {
    config_function = { timeout_seconds = 1 }
  }

  expect_failures = [var.config_function]
}

run "rollback" {
  command = plan

  variables {
    rollback_versions = { events = "$LATEST" }
  }

  expect_failures = [var.rollback_versions]
}

run "own_option" {
  command = plan

  variables {
    environment = { EVENT_GATEWAY_STORE = "memory:" }
  }

  expect_failures = [var.environment]
}

run "retention" {
  command = plan

  variables {
    log_retention_days = 31
  }

  expect_failures = [var.log_retention_days]
}

run "no_store" {
  command = plan

  variables {
    create_table = false
  }

  expect_failures = [var.create_table]
}

run "encryption" {
  command = plan

  variables {
    table_encryption = "none"
  }

  expect_failures = [var.table_encryption]
}

run "encryption_without_key" {
  command = plan

  variables {
    table_encryption = "module_key"
    kms_key          = false
  }

  expect_failures = [var.table_encryption]
}

run "store_kind" {
  command = plan

  variables {
    store_url = "dynamodb://other"
  }

  expect_failures = [var.store_url]
}

run "store_password" {
  command = plan

  variables {
    store_url = "etcd://gateway:secret@10.0.0.1:2379/gw"
  }

  expect_failures = [var.store_url]
}

run "wide_secret" {
  command = plan

  variables {
    secrets_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:*"
  }

  expect_failures = [var.secrets_arn]
}

run "wide_secret_key" {
  command = plan

  variables {
    secrets_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/*"
  }

  expect_failures = [var.secrets_kms_key_arn]
}

run "empty_vpc" {
  command = plan

  variables {
    vpc = { subnet_ids = [], security_group_ids = ["sg-1"] }
  }

  expect_failures = [var.vpc]
}

run "wide_functions" {
  command = plan

  variables {
    lambda_function_arns = ["arn:aws:lambda:eu-west-1:123456789012:function:*"]
  }

  expect_failures = [var.lambda_function_arns]
}

run "wide_streams" {
  command = plan

  variables {
    kinesis_stream_arns = ["*"]
  }

  expect_failures = [var.kinesis_stream_arns]
}

run "wide_delivery_streams" {
  command = plan

  variables {
    firehose_delivery_stream_arns = ["arn:aws:firehose:eu-west-1:123456789012:deliverystream/*"]
  }

  expect_failures = [var.firehose_delivery_stream_arns]
}

run "wide_queues" {
  command = plan

  variables {
    sqs_queue_arns = ["arn:aws:sqs:eu-west-1:123456789012:orders*"]
  }

  expect_failures = [var.sqs_queue_arns]
}

run "wide_roles" {
  command = plan

  variables {
    assume_role_arns = ["arn:aws:iam::123456789012:role/*"]
  }

  expect_failures = [var.assume_role_arns]
}

run "attempts" {
  command = plan

  variables {
    queue_attempts = 0
  }

  expect_failures = [var.queue_attempts]
}

run "concurrency" {
  command = plan

  variables {
    queue_maximum_concurrency = 1
  }

  expect_failures = [var.queue_maximum_concurrency]
}

run "concurrency_for_requests" {
  command = plan

  variables {
    events_function = { reserved_concurrency = 10 }
  }

  expect_failures = [var.queue_maximum_concurrency]
}

run "queue_retention" {
  command = plan

  variables {
    queue_retention_days = 15
  }

  expect_failures = [var.queue_retention_days]
}

run "front" {
  command = plan

  variables {
    front = "alb"
  }

  expect_failures = [var.front]
}

run "config_auth" {
  command = plan

  variables {
    config_auth = "NONE"
  }

  expect_failures = [var.config_auth]
}

run "jwt_missing" {
  command = plan

  variables {
    config_auth = "JWT"
  }

  expect_failures = [var.config_auth]
}

run "jwt_too_much" {
  command = plan

  variables {
    jwt = { issuer = "https://login.example.com/", audience = ["gateway"], scopes = ["configure"] }
  }

  expect_failures = [var.config_auth]
}

run "jwt_on_function_url" {
  command = plan

  variables {
    front       = "function_url"
    config_auth = "JWT"
    jwt         = { issuer = "https://login.example.com/", audience = ["gateway"], scopes = ["configure"] }
  }

  expect_failures = [var.config_auth]
}

run "jwt_without_tls" {
  command = plan

  variables {
    config_auth = "JWT"
    jwt         = { issuer = "http://login.example.com/", audience = ["gateway"], scopes = ["configure"] }
  }

  expect_failures = [var.jwt]
}

run "wildcard_domain" {
  command = plan

  variables {
    domain_name     = "*.example.com"
    certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/c"
  }

  expect_failures = [var.domain_name]
}

run "domain_without_certificate" {
  command = plan

  variables {
    domain_name = "events.example.com"
  }

  expect_failures = [var.domain_name]
}

run "domain_of_function_url" {
  command = plan

  variables {
    front           = "function_url"
    domain_name     = "events.example.com"
    certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/c"
  }

  expect_failures = [var.domain_name]
}

run "hosted_without_domain" {
  command = plan

  variables {
    hosted      = true
    secret_keys = "{\"encryptedKeyset\":\"AAAA\"}"
  }

  expect_failures = [var.hosted]
}

run "hosted_without_keys" {
  command = plan

  variables {
    hosted          = true
    domain_name     = "events.example.com"
    certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/c"
  }

  expect_failures = [var.hosted]
}

run "config_domain_without_certificate" {
  command = plan

  variables {
    config_domain_name = "config.example.com"
  }

  expect_failures = [var.config_domain_name]
}

run "keys_in_the_clear" {
  command = plan

  variables {
    secret_keys = "{\"primaryKeyId\":1,\"key\":[]}"
  }

  expect_failures = [var.secret_keys]
}

run "keys_without_kms" {
  command = plan

  variables {
    secret_keys = "{\"encryptedKeyset\":\"AAAA\"}"
    kms_key     = false
  }

  expect_failures = [var.secret_keys]
}

run "secret_with_any_character" {
  command = plan

  variables {
    secrets_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:gw-??????"
  }

  expect_failures = [var.secrets_arn]
}

run "secret_key_with_any_character" {
  command = plan

  variables {
    secrets_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/mrk-?"
  }

  expect_failures = [var.secrets_kms_key_arn]
}

run "own_events_function" {
  command = plan

  variables {
    lambda_function_arns = ["arn:aws:lambda:eu-west-1:123456789012:function:gw-events"]
  }

  expect_failures = [var.lambda_function_arns]
}

run "own_config_function" {
  command = plan

  variables {
    lambda_function_arns = ["arn:aws:lambda:eu-west-1:123456789012:function:other", "arn:aws:lambda:eu-west-1:123456789012:function:gw-config:live"]
  }

  expect_failures = [var.lambda_function_arns]
}

run "own_queue" {
  command = plan

  variables {
    sqs_queue_arns = ["arn:aws:sqs:eu-west-1:123456789012:gw"]
  }

  expect_failures = [var.sqs_queue_arns]
}

run "own_dead_letters" {
  command = plan

  variables {
    sqs_queue_arns = ["arn:aws:sqs:eu-west-1:123456789012:gw-dead-letters"]
  }

  expect_failures = [var.sqs_queue_arns]
}

run "functions_when_hosted" {
  command = plan

  variables {
    hosted          = true
    domain_name     = "events.example.com"
    certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/c"
    secret_keys     = "{\"encryptedKeyset\":\"AAAA\"}"

    lambda_function_arns = ["arn:aws:lambda:eu-west-1:123456789012:function:a"]
  }

  expect_failures = [var.lambda_function_arns]
}

run "streams_when_hosted" {
  command = plan

  variables {
    hosted          = true
    domain_name     = "events.example.com"
    certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/c"
    secret_keys     = "{\"encryptedKeyset\":\"AAAA\"}"

    kinesis_stream_arns = ["arn:aws:kinesis:eu-west-1:123456789012:stream/s"]
  }

  expect_failures = [var.kinesis_stream_arns]
}

run "delivery_streams_when_hosted" {
  command = plan

  variables {
    hosted          = true
    domain_name     = "events.example.com"
    certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/c"
    secret_keys     = "{\"encryptedKeyset\":\"AAAA\"}"

    firehose_delivery_stream_arns = ["arn:aws:firehose:eu-west-1:123456789012:deliverystream/d"]
  }

  expect_failures = [var.firehose_delivery_stream_arns]
}

run "queues_when_hosted" {
  command = plan

  variables {
    hosted          = true
    domain_name     = "events.example.com"
    certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/c"
    secret_keys     = "{\"encryptedKeyset\":\"AAAA\"}"

    sqs_queue_arns = ["arn:aws:sqs:eu-west-1:123456789012:q"]
  }

  expect_failures = [var.sqs_queue_arns]
}

run "credentials_when_hosted" {
  command = plan

  variables {
    hosted          = true
    domain_name     = "events.example.com"
    certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/c"
    secret_keys     = "{\"encryptedKeyset\":\"AAAA\"}"

    environment = { EVENT_GATEWAY_FUNCTION_CREDENTIALS = "role" }
  }

  expect_failures = [var.environment]
}

run "config_domain_of_a_space" {
  command = plan

  variables {
    hosted          = true
    domain_name     = "events.example.com"
    certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/c"
    secret_keys     = "{\"encryptedKeyset\":\"AAAA\"}"

    config_domain_name     = "config.events.example.com"
    config_certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/c"
  }

  expect_failures = [var.config_domain_name]
}

run "token_in_the_clear" {
  command = plan

  variables {
    environment = { EVENT_GATEWAY_CONFIG_TOKEN = "secret" }
  }

  expect_failures = [var.environment]
}

run "password_in_the_clear" {
  command = plan

  variables {
    environment = { EVENT_GATEWAY_STORE_PASSWORD = "secret" }
  }

  expect_failures = [var.environment]
}

run "file" {
  command = plan

  variables {
    environment = { EVENT_GATEWAY_LINEAGE_KEY_FILE = "/opt/key" }
  }

  expect_failures = [var.environment]
}

run "jwt_without_scopes" {
  command = plan

  variables {
    config_auth = "JWT"
    jwt         = { issuer = "https://login.example.com/", audience = ["gateway"], scopes = [] }
  }

  expect_failures = [var.jwt]
}
