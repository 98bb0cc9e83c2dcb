# The larger examples. The minimal one is applied to an emulator by apply_test.go.

mock_provider "aws" {
  source = "./tests/aws"
}

variables {
  zip = "versions.tf" # any file will do
}

run "complete" {
  module {
    source = "./examples/complete"
  }

  variables {
    zone_id         = "Z1"
    certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/c"
    alarm_topic_arn = "arn:aws:sns:eu-west-1:123456789012:alarms"
  }

  assert {
    condition     = output.event_gateway.events_url == "https://events.example.com" && output.event_gateway.config_url == "https://events-config.example.com"
    error_message = "The URLs are ${output.event_gateway.events_url} and ${output.event_gateway.config_url}"
  }

  assert {
    condition     = output.event_gateway.kms_uri == "awskms://arn:aws:kms:eu-west-1:123456789012:key/mocked"
    error_message = "The first apply tells the key: ${output.event_gateway.kms_uri}"
  }
}

# With the secret keys, it is hosted.
run "complete_hosted" {
  module {
    source = "./examples/complete"
  }

  variables {
    hosted          = true
    secret_keys     = "{\"encryptedKeyset\":\"AAAA\"}"
    zone_id         = "Z1"
    certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/c"
    alarm_topic_arn = "arn:aws:sns:eu-west-1:123456789012:alarms"
  }

  assert {
    condition     = output.event_gateway.events_url == "https://*.events.example.com" && startswith(output.event_gateway.curl, "curl -H \"Authorization: Bearer $TOKEN\" ")
    error_message = "It is hosted, with JWTs: ${output.event_gateway.events_url} ${output.event_gateway.curl}"
  }
}

run "etcd_in_vpc" {
  module {
    source = "./examples/etcd-in-vpc"
  }

  variables {
    vpc_id                 = "vpc-1"
    subnet_ids             = ["subnet-1", "subnet-2"]
    etcd_security_group_id = "sg-etcd"
    etcd_url               = "etcd://gateway@10.0.1.10:2379/event-gateway?tls=true"
    secrets_arn            = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:gateway-abcdef"
    lambda_function_arns   = ["arn:aws:lambda:eu-west-1:123456789012:function:hello"]
  }

  assert {
    condition     = { for s, e in aws_vpc_endpoint.aws : e.service_name => e.subnet_ids } == { for s in ["sqs", "secretsmanager", "kms", "lambda"] : "com.amazonaws.eu-west-1.${s}" => toset(["subnet-1", "subnet-2"]) }
    error_message = "The functions' subnets reach SQS, Secrets Manager, KMS and Lambda."
  }

  assert {
    condition     = output.events_url == "https://mocked.execute-api.eu-west-1.amazonaws.com"
    error_message = "The URL is ${output.events_url}"
  }
}
